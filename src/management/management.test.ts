import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import { checkBudgets } from '../../test/limits/check-budgets.ts'
import { managementApi, type ManagementApi } from '../../test/management-api.ts'
import { Secret } from '../config/secret.ts'
import { hashCredential } from '../identity/credential.ts'
import { createIdentity, DEFAULT_IDENTITY_SETTINGS, type Identity } from '../identity/identity.ts'
import type { Principal } from '../identity/principal.ts'
import { parseDollars } from '../money/picodollars.ts'

const MASTER = 'sk-master-of-this-test'
const START_MS = Date.parse('2026-11-22T12:00:00Z')

describe.each(['embedded', 'postgresql'] as const)('on %s', (kind) => {
  let held: TestDatabase
  let identity: Identity
  let api: ManagementApi
  let serial = 0

  beforeAll(async () => {
    held = await migratedDatabase(kind)
    const clock = () => START_MS
    const masterKey = new Secret(MASTER)
    identity = createIdentity({
      database: held.database,
      masterKey,
      settings: DEFAULT_IDENTITY_SETTINGS,
      clock,
    })
    api = managementApi({ database: held.database, identity, clock })
  })

  afterAll(async () => {
    await identity.close()
    await held[Symbol.asyncDispose]()
  })

  const text = (value: unknown): string => {
    if (typeof value !== 'string') throw new Error(`not text: ${JSON.stringify(value)}`)
    return value
  }

  async function principalOf(key: string): Promise<Principal> {
    return await identity.authenticate({ 'x-api-key': key })
  }

  /** A user and its key. */
  async function user(fields: Record<string, unknown> = {}): Promise<{ id: string; key: string }> {
    const made = await api.made('/user/new', MASTER, {
      user_email: `user-${serial++}@example.org`,
      ...fields,
    })
    return { id: text(made['user_id']), key: text(made['key']) }
  }

  async function infoOf(key: string): Promise<Record<string, unknown>> {
    const { body } = await api.get('/key/info', MASTER, { key })
    return (body as { info: Record<string, unknown> }).info
  }

  describe('POST /user/new', () => {
    test('makes a user whose key works at once, with the role that was asked for', async () => {
      const made = await api.made('/user/new', MASTER, {
        user_email: 'first@example.org',
        user_role: 'proxy_admin_viewer',
      })
      expect(made).toMatchObject({
        user_email: 'first@example.org',
        user_role: 'proxy_admin_viewer',
        teams: [],
      })
      const key = text(made['key'])
      expect(key).toMatch(/^sk-[\w-]{22}$/)
      expect(made['token']).toBe(hashCredential(key))
      expect(made['key_name']).toBe(`sk-...${key.slice(-4)}`)
      expect((await principalOf(key)).role).toBe('proxy_admin_viewer')
      expect((await principalOf(key)).facts.userEmail).toBe('first@example.org')
    })

    test('an address and an id are taken once, in any case', async () => {
      await user({ user_email: 'Taken@example.org', user_id: 'taken' })
      const sameEmail = await api.post('/user/new', MASTER, { user_email: 'taken@EXAMPLE.org' })
      expect(sameEmail).toMatchObject({
        status: 409,
        body: 'A user with this e-mail address already exists.',
      })
      expect(await api.post('/user/new', MASTER, { user_id: 'taken' })).toMatchObject({ status: 409 })
    })

    test('the budget becomes the user’s and binds the key through it', async () => {
      const { key, id } = await user({ max_budget: 5, budget_duration: '30d', models: ['gpt-4o'] })
      const principal = await principalOf(key)
      expect(principal.scopes.find((scope) => scope.kind === 'user')).toMatchObject({
        id,
        maxBudget: parseDollars(5),
        resetsAtMs: Date.parse('2026-12-01T00:00:00Z'),
      })
      expect(principal.modelLists).toEqual([{ kind: 'user', models: ['gpt-4o'] }])
      expect((await infoOf(key))['max_budget']).toBeNull()
    })

    test('no key is made where none is wanted', async () => {
      const made = await api.made('/user/new', MASTER, { auto_create_key: false })
      expect(made['key']).toBe('')
      const { body } = await api.get('/user/info', MASTER, { user_id: text(made['user_id']) })
      expect(body).toMatchObject({ keys: [] })
    })

    test('the configuration fills what is left out, and never for administrators', async () => {
      const withDefaults = managementApi(
        { database: held.database, identity, clock: () => START_MS },
        {
          default_internal_user_params: {
            user_role: 'internal_user_viewer',
            max_budget: 2.5,
            models: ['gpt-4o'],
          },
        },
      )
      const filled = await withDefaults.made('/user/new', MASTER, {})
      expect(filled).toMatchObject({ user_role: 'internal_user_viewer', max_budget: 2.5, models: ['gpt-4o'] })
      const admin = await withDefaults.made('/user/new', MASTER, { user_role: 'proxy_admin' })
      expect(admin).toMatchObject({ user_role: 'proxy_admin', max_budget: null, models: [] })
    })

    test('joins teams, with a budget of its own in each', async () => {
      await api.made('/team/new', MASTER, { team_id: 'joined' })
      const { id } = await user({
        teams: [{ team_id: 'joined', max_budget_in_team: 1.5, user_role: 'admin' }],
      })
      const { body } = await api.get('/team/info', MASTER, { team_id: 'joined' })
      expect(body).toMatchObject({
        team_info: { members_with_roles: [{ user_id: id, role: 'admin' }] },
        team_memberships: [{ user_id: id, litellm_budget_table: { max_budget: 1.5 } }],
      })
      expect(await api.post('/user/new', MASTER, { teams: ['nowhere'] })).toMatchObject({ status: 400 })
    })
  })

  test('a raw key is shown once and stored nowhere', async () => {
    const { key } = await user()
    await api.made('/key/update', MASTER, { key, key_alias: `seen-${kind}` })
    await api.made('/key/delete', MASTER, { keys: [key] })
    for (const table of [
      'sluice_virtual_key',
      'sluice_deleted_key',
      'sluice_user',
      'sluice_principal_change',
    ]) {
      const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(table)} t`.execute(
        held.database.sql,
      )
      expect(rows.some(({ row }) => row.includes(key))).toBe(false)
    }
  })

  describe('keys', () => {
    test('a generated key has the fields that were asked for, as JSON numbers of dollars', async () => {
      const made = await api.made('/key/generate', MASTER, {
        key_alias: 'full',
        models: ['gpt-4o', 'openai/*'],
        aliases: { fast: 'gpt-4o' },
        max_budget: '12.50',
        soft_budget: 10,
        budget_duration: '7d',
        tpm_limit: '1000',
        rpm_limit: 10,
        max_parallel_requests: 2,
        duration: '24h',
        metadata: { owner: 'ci' },
        tags: ['a', 'b'],
        permissions: { x: true },
        key_type: 'llm_api',
        unheard_of: 1,
      })
      expect(made).toMatchObject({
        key_alias: 'full',
        models: ['gpt-4o', 'openai/*'],
        aliases: { fast: 'gpt-4o' },
        spend: 0,
        max_budget: 12.5,
        soft_budget: 10,
        budget_duration: '7d',
        budget_reset_at: '2026-11-23T00:00:00.000Z',
        tpm_limit: 1000,
        rpm_limit: 10,
        max_parallel_requests: 2,
        expires: '2026-11-23T12:00:00.000Z',
        metadata: { owner: 'ci', tags: ['a', 'b'] },
        tags: ['a', 'b'],
        permissions: { x: true },
        allowed_routes: ['llm_api_routes'],
        user_id: null,
        blocked: false,
      })
      expect(made).not.toHaveProperty('unheard_of')
      const principal = await principalOf(text(made['key']))
      expect(principal.tags).toEqual(['a', 'b'])
      expect(principal.modelAliases.get('fast')).toBe('gpt-4o')
      expect(principal.scopes[0]).toMatchObject({ label: `full (${text(made['key_name'])})` })
    })

    test('a chosen key works, must begin with sk-, and is taken once', async () => {
      await api.made('/key/generate', MASTER, { key: 'sk-chosen-by-me' })
      expect((await principalOf('sk-chosen-by-me')).kind).toBe('virtual_key')
      expect(await api.post('/key/generate', MASTER, { key: 'sk-chosen-by-me' })).toMatchObject({
        status: 400,
      })
      expect(await api.post('/key/generate', MASTER, { key: 'chosen' })).toMatchObject({ status: 400 })
      expect(await api.post('/key/generate', MASTER, { key_alias: 'full' })).toMatchObject({
        status: 400,
        body: 'A key with this alias already exists.',
      })
    })

    test.each([
      [{ max_budget: -1 }, 'max_budget'],
      [{ max_budget: 'much' }, 'max_budget'],
      [{ max_budget: 1e12 }, 'max_budget'],
      [{ soft_budget: -0.01 }, 'soft_budget'],
      [{ rpm_limit: -1 }, 'rpm_limit'],
      [{ tpm_limit: 1.5 }, 'tpm_limit'],
      [{ budget_duration: 'monthly' }, 'budget_duration'],
      [{ duration: '5 years' }, 'duration'],
      [{ models: 'gpt-4o' }, 'models'],
      [{ metadata: [] }, 'metadata'],
      [{ tags: 'a' }, 'tags'],
      [{ team_id: 'nowhere' }, 'team_id'],
      [{ organization_id: 'nowhere' }, 'organization_id'],
      [{ budget_id: 'nowhere' }, 'budget_id'],
    ])('%o is refused by the name of its field', async (fields, param) => {
      const { status, error } = await api.post('/key/generate', MASTER, fields)
      expect(status).toBe(400)
      expect(error?.param).toBe(param)
      expect(error?.message).toContain(param === 'team_id' ? 'Team' : param.split('_')[0]!.slice(1))
    })

    test('the database itself refuses a negative budget', async () => {
      const write = held.database.sql
        .insertInto('sluice_virtual_key')
        .values({ key_hash: hashCredential('sk-negative'), key_name: 'sk-...tive', max_budget: -1n })
        .execute()
      await expect(write).rejects.toThrow(/check constraint/)
    })

    test('an update changes what is sent, clears what is null, and keeps the rest', async () => {
      const { key } = await user()
      const update = async (fields: object) => await api.made('/key/update', MASTER, { key, ...fields })
      expect(
        await update({ max_budget: 5, budget_duration: '1d', duration: '1d', models: ['a'] }),
      ).toMatchObject({
        key,
        max_budget: 5,
        expires: '2026-11-23T12:00:00.000Z',
      })
      expect(await update({ metadata: { one: 1 }, tags: ['t'] })).toMatchObject({
        max_budget: 5,
        models: ['a'],
        metadata: { one: 1, tags: ['t'] },
      })
      expect(
        await update({ max_budget: null, budget_duration: null, duration: null, models: null }),
      ).toMatchObject({
        max_budget: null,
        budget_duration: null,
        budget_reset_at: null,
        expires: null,
        models: [],
        metadata: { one: 1, tags: ['t'] },
      })
      expect(await update({ duration: '1d', tags: null })).toMatchObject({ metadata: { one: 1 } })
      expect(await update({ duration: '-1' })).toMatchObject({ expires: null })
      expect(await api.post('/key/update', MASTER, { key: 'sk-nobody', models: [] })).toMatchObject({
        status: 404,
      })
    })

    test('setting the spend takes effect at once and leaves the total of the ledger as it is', async () => {
      const { key } = await user()
      const id = hashCredential(key)
      await held.database.sql
        .insertInto('sluice_spend_total')
        .values({ scope: 'key', scope_id: id, picodollars: parseDollars(7) })
        .onConflict((conflict) =>
          conflict.columns(['scope', 'scope_id']).doUpdateSet({ picodollars: parseDollars(7) }),
        )
        .execute()
      await api.made('/key/update', MASTER, { key, max_budget: 5 })
      expect((await infoOf(key))['spend']).toBe(7)
      const before = await principalOf(key)
      expect(() => checkBudgets(before.scopes)).toThrow('Budget has been exceeded')
      await api.made('/key/update', MASTER, { key, spend: 0 })
      expect((await infoOf(key))['spend']).toBe(0)
      const after = await principalOf(key)
      expect(() => checkBudgets(after.scopes)).not.toThrow()
      const total = await held.database.sql
        .selectFrom('sluice_spend_total')
        .select('picodollars')
        .where('scope_id', '=', id)
        .executeTakeFirstOrThrow()
      expect(total.picodollars).toBe(parseDollars(7))
    })

    test('a block is in force with the next call, and so is its end', async () => {
      const { key } = await user()
      await principalOf(key)
      expect(await api.made('/key/block', MASTER, { key })).toMatchObject({ blocked: true })
      await expect(principalOf(key)).rejects.toThrow('The API key is blocked')
      expect(await api.made('/key/unblock', MASTER, { key: hashCredential(key) })).toMatchObject({
        blocked: false,
      })
      expect((await principalOf(key)).kind).toBe('virtual_key')
    })

    test('a deleted key is refused at once, a copy of its row is kept, and a second time there is nothing to delete', async () => {
      const { key } = await user()
      await principalOf(key)
      expect((await api.post('/key/delete', MASTER, { keys: [key, 'sk-nobody'] })).body).toEqual({
        deleted_keys: [key],
      })
      await expect(async () => await principalOf(key)).rejects.toThrow('not valid here')
      const copy = await held.database.sql
        .selectFrom('sluice_deleted_key')
        .selectAll()
        .where('key_hash', '=', hashCredential(key))
        .executeTakeFirstOrThrow()
      expect(copy).toMatchObject({ deleted_by: 'default_user_id', row: { key_hash: hashCredential(key) } })
      expect(await api.post('/key/delete', MASTER, { keys: [key] })).toMatchObject({ status: 404 })
    })

    test('keys are deleted by alias too', async () => {
      await api.made('/key/generate', MASTER, { key_alias: 'by-alias' })
      expect((await api.post('/key/delete', MASTER, { key_aliases: ['by-alias', 'other'] })).body).toEqual({
        deleted_keys: ['by-alias'],
      })
      expect(await api.post('/key/delete', MASTER, {})).toMatchObject({ status: 400 })
    })

    test('/key/info without a key tells of the caller’s own', async () => {
      const { key, id } = await user()
      const { body } = await api.get('/key/info', key)
      expect(body).toMatchObject({
        key: hashCredential(key),
        info: { user_id: id, token: hashCredential(key) },
      })
    })

    test('/key/list gives hashes or whole keys, in pages, filtered', async () => {
      const { id } = await user()
      for (let index = 0; index < 4; index++) {
        await api.made('/key/generate', MASTER, { user_id: id, key_alias: `Listed-${id}-${index}` })
      }
      const page = { user_id: id, size: '2', page: '2', sort_by: 'key_alias', sort_order: 'asc' }
      const { body } = await api.get('/key/list', MASTER, { ...page, return_full_object: 'true' })
      expect(body).toMatchObject({
        keys: [{ key_alias: `Listed-${id}-2` }, { key_alias: `Listed-${id}-3` }],
        total_count: 5,
        current_page: 2,
        total_pages: 3,
      })
      const byAlias = await api.get('/key/list', MASTER, { key_alias: `listed-${id}-1`, user_id: '' })
      expect(byAlias.body).toMatchObject({ total_count: 1, keys: [expect.stringMatching(/^[0-9a-f]{64}$/)] })
      expect(await api.get('/key/list', MASTER, { size: '101' })).toMatchObject({ status: 400 })
    })
  })

  describe('users', () => {
    test('/user/info tells of the user, its keys and its teams', async () => {
      await api.made('/team/new', MASTER, { team_id: 'of-user', team_alias: 'Of User' })
      const { id, key } = await user({ teams: ['of-user'], user_alias: 'Ada', metadata: { a: 1 } })
      const { body } = await api.get('/user/info', MASTER, { user_id: id })
      expect(body).toMatchObject({
        user_id: id,
        user_info: {
          user_id: id,
          user_alias: 'Ada',
          user_role: 'internal_user',
          teams: ['of-user'],
          metadata: { a: 1 },
        },
        keys: [{ token: hashCredential(key), team_alias: null }],
        teams: [{ team_id: 'of-user', team_alias: 'Of User' }],
      })
      expect(await api.get('/user/info', MASTER, { user_id: 'nobody' })).toMatchObject({
        status: 404,
        body: 'User nobody not found.',
      })
    })

    test('/user/info of an administrator without an id tells of everyone’s keys and teams', async () => {
      const { body } = await api.get('/user/info', MASTER)
      expect(body).toMatchObject({ user_id: 'default_user_id', user_info: null })
      expect((body as { keys: unknown[] }).keys.length).toBeGreaterThan(3)
    })

    test('/user/list filters, sorts and pages', async () => {
      const { id } = await user({ user_email: `listed@${kind}.example`, user_role: 'internal_user_viewer' })
      const { body } = await api.get('/user/list', MASTER, {
        user_email: `LISTED@${kind}`,
        role: 'internal_user_viewer',
      })
      expect(body).toMatchObject({
        users: [{ user_id: id, key_count: 1 }],
        total: 1,
        page: 1,
        page_size: 25,
        total_pages: 1,
      })
      const byIds = await api.get('/user/list', MASTER, { user_ids: `${id},nobody`, user_role: '' })
      expect(byIds.body).toMatchObject({ total: 1 })
    })

    test('/user/update changes what is sent, by id or by address, and binds the keys at once', async () => {
      const { id, key } = await user({ user_email: `changed@${kind}.example` })
      await principalOf(key)
      const { body } = await api.post('/user/update', MASTER, {
        user_email: `Changed@${kind}.example`,
        user_role: 'internal_user_viewer',
        max_budget: 0,
      })
      expect(body).toMatchObject({ user_id: id, data: { user_role: 'internal_user_viewer', max_budget: 0 } })
      const principal = await principalOf(key)
      expect(principal.role).toBe('internal_user_viewer')
      expect(() => checkBudgets(principal.scopes)).toThrow('Budget has been exceeded')
    })

    test('/user/delete answers a bare number, and the keys of the user are gone at once', async () => {
      const { id, key } = await user()
      await principalOf(key)
      expect((await api.post('/user/delete', MASTER, { user_ids: [id] })).body).toBe(1)
      await expect(async () => await principalOf(key)).rejects.toThrow('not valid here')
      expect(await api.post('/user/delete', MASTER, { user_ids: [id] })).toMatchObject({ status: 404 })
    })
  })

  describe('teams', () => {
    test('/team/new makes members users, and gives each the team’s member budget', async () => {
      const team = await api.made('/team/new', MASTER, {
        team_alias: 'Platform',
        models: ['gpt-4o'],
        model_aliases: { fast: 'gpt-4o' },
        max_budget: 100,
        team_member_budget: 2,
        team_member_budget_duration: '30d',
        members_with_roles: [
          { role: 'admin', user_email: `lead@${kind}.example` },
          { user_id: `member-${kind}` },
        ],
        metadata: { cost_center: 7 },
        tags: ['platform'],
      })
      const teamId = text(team['team_id'])
      expect(team).toMatchObject({
        team_alias: 'Platform',
        max_budget: 100,
        spend: 0,
        models: ['gpt-4o'],
        blocked: false,
        metadata: { cost_center: 7, tags: ['platform'] },
        team_member_permissions: ['/key/info', '/key/health'],
      })
      expect(team['members_with_roles']).toMatchObject([
        { user_email: `lead@${kind}.example`, role: 'admin' },
        { user_id: `member-${kind}`, role: 'user' },
      ])
      const made = await api.made('/key/generate', MASTER, { team_id: teamId, user_id: `member-${kind}` })
      const principal = await principalOf(text(made['key']))
      expect(principal.scopes.map(({ kind: scope, maxBudget }) => [scope, maxBudget])).toEqual([
        ['key', undefined],
        ['team', parseDollars(100)],
        ['team_member', parseDollars(2)],
      ])
      expect(principal.tags).toEqual(['platform'])
      expect(await api.post('/team/new', MASTER, { team_id: teamId })).toMatchObject({
        status: 400,
        body: 'A team with this id already exists.',
      })
    })

    test('/team/list is an array of teams with keys and memberships', async () => {
      await api.made('/team/new', MASTER, { team_id: 'in-list', members: [`listed-${kind}`] })
      const { body } = await api.get('/team/list', MASTER, { user_id: `listed-${kind}` })
      expect(body).toMatchObject([
        { team_id: 'in-list', keys: [], team_memberships: [{ user_id: `listed-${kind}`, spend: 0 }] },
      ])
    })

    test('/team/info is for members and administrators; for others there is no such team', async () => {
      const { key } = await user({ teams: ['in-list'] })
      const stranger = await user()
      expect((await api.get('/team/info', key, { team_id: 'in-list' })).status).toBe(200)
      expect(await api.get('/team/info', stranger.key, { team_id: 'in-list' })).toMatchObject({ status: 404 })
      expect((await api.get('/team/list', stranger.key)).body).toEqual([])
    })
  })
})
