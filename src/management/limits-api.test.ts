import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import { CALLER, callEnd, callStart } from '../../test/ledger/calls.ts'
import { managementApi, type ManagementApi } from '../../test/management-api.ts'
import { Secret } from '../config/secret.ts'
import { hashCredential } from '../identity/credential.ts'
import { createIdentity, DEFAULT_IDENTITY_SETTINGS, type Identity } from '../identity/identity.ts'
import { parseDollars } from '../money/picodollars.ts'
import type { CallerFacts, CallStart } from '../record/call-record.ts'
import type { Scope, ScopeKind } from '../record/scope.ts'
import { settledRow, startText } from '../spend/call-row.ts'
import { bookCalls } from '../storage/queries/book-calls.ts'

const MASTER = 'sk-master-of-this-test'
const START_MS = Date.parse('2026-11-22T12:00:00Z')

let nowMs = START_MS

beforeEach(() => {
  nowMs = START_MS
})

describe.each(['embedded', 'postgresql'] as const)('on %s', (kind) => {
  let held: TestDatabase
  let identity: Identity
  let api: ManagementApi

  beforeAll(async () => {
    held = await migratedDatabase(kind)
    const { database } = held
    identity = createIdentity({
      database,
      masterKey: new Secret(MASTER),
      settings: DEFAULT_IDENTITY_SETTINGS,
      clock: () => nowMs,
    })
    api = managementApi({ database, identity, clock: () => nowMs })
  })

  afterAll(async () => {
    await identity.close()
    await held[Symbol.asyncDispose]()
  })

  const text = (value: unknown): string => {
    if (typeof value !== 'string') throw new Error(`not text: ${JSON.stringify(value)}`)
    return value
  }

  /** What a call is counted for. */
  async function scopesOf(
    key: string,
    call: { readonly endUser?: string; readonly tags?: readonly string[]; readonly model?: string } = {},
  ): Promise<readonly Scope[]> {
    const principal = await identity.authenticate({ 'x-api-key': key })
    return await identity.callScopes(principal, call.endUser, call.tags ?? [], call.model ?? 'gpt-4o')
  }

  async function scopeOf(
    key: string,
    scopeKind: ScopeKind,
    call: Parameters<typeof scopesOf>[1] = {},
  ): Promise<Scope> {
    const found = (await scopesOf(key, call)).find((scope) => scope.kind === scopeKind)
    if (found === undefined) throw new Error(`no ${scopeKind}`)
    return found
  }

  async function madeKey(fields: Record<string, unknown> = {}): Promise<string> {
    return text((await api.made('/key/generate', MASTER, fields))['key'])
  }

  /** Books a call of 2 dollars that has ended now. */
  async function book(caller: Partial<CallerFacts>, call: Partial<CallStart> = {}): Promise<void> {
    const nobody = { ...CALLER, userId: undefined, teamId: undefined, organizationId: undefined }
    const start = { ...callStart({ caller: { ...nobody, ...caller }, ...call }), arrivedAtMs: nowMs - 100 }
    const end = callEnd(start, { cost: parseDollars(2), endedAtMs: nowMs })
    await bookCalls(held.database, [settledRow(startText(start, true), start, end)])
  }

  describe('limits of a key', () => {
    test('every limit that is given binds its calls', async () => {
      const key = await madeKey({
        max_budget: 3,
        soft_budget: 2,
        budget_duration: '7d',
        rpm_limit: 10,
        tpm_limit: 1000,
        max_parallel_requests: 4,
      })
      expect(await scopeOf(key, 'key')).toMatchObject({
        maxBudget: parseDollars(3),
        softBudget: parseDollars(2),
        requestsPerMinute: 10,
        tokensPerMinute: 1000,
        parallelRequests: 4,
        resetsAtMs: Date.parse('2026-11-23T00:00:00Z'),
      })
    })

    test('a model’s limits bind calls of that model only, and what the metadata says goes first', async () => {
      const key = await madeKey({
        model_rpm_limit: { 'gpt-4o': 3 },
        model_tpm_limit: { o1: 500 },
        model_max_budget: {
          'gpt-4o': { budget_limit: 1.5, time_period: '30d', rpm_limit: 9, tpm_limit: 70 },
        },
      })
      expect(await scopeOf(key, 'key_model')).toMatchObject({
        id: `${hashCredential(key)}::gpt-4o`,
        maxBudget: parseDollars(1.5),
        requestsPerMinute: 3,
        tokensPerMinute: 70,
        resetsAtMs: Date.parse('2026-12-01T00:00:00Z'),
      })
      expect(await scopeOf(key, 'key_model', { model: 'o1' })).toMatchObject({ tokensPerMinute: 500 })
      expect((await scopesOf(key, { model: 'other' })).map((scope) => scope.kind)).toEqual(['key'])
    })

    test('what a model costs within a key is booked from the first call on', async () => {
      const key = await madeKey({ model_max_budget: { fast: { max_budget: 1, budget_duration: '1d' } } })
      await scopeOf(key, 'key_model', { model: 'fast' })
      await book({ keyHash: hashCredential(key) })
      identity.changed({ subject: 'key', id: hashCredential(key) })
      expect((await scopeOf(key, 'key_model', { model: 'fast' })).spent).toBe(parseDollars(2))
    })

    // The embedded database does one thing at a time.
    if (kind === 'postgresql') {
      test('a change that leaves the window alone does not wait for those who book the key’s calls', async () => {
        const key = await madeKey({ max_budget: 1, budget_duration: '1d' })
        await held.database.sql.transaction().execute(async (booking) => {
          await booking
            .selectFrom('sluice_spend_total')
            .where('scope_id', '=', hashCredential(key))
            .select('picodollars')
            .forUpdate()
            .execute()
          expect(await api.made('/key/update', MASTER, { key, max_budget: 2 })).toMatchObject({
            max_budget: 2,
            budget_reset_at: '2026-11-23T00:00:00.000Z',
          })
        })
      })
    }

    test('each of several windows binds, counts from its first call on, and begins anew at its own time', async () => {
      const windows = [
        { budget_duration: '1d', max_budget: 3 },
        { budget_duration: '1mo', max_budget: '50' },
      ]
      const key = await madeKey({ max_budget: 100, budget_limits: windows })
      const keyHash = hashCredential(key)
      const windowsNow = async () => {
        identity.changed({ subject: 'key', id: keyHash })
        const scopes = await scopesOf(key)
        return scopes
          .filter((scope) => scope.kind === 'key_window')
          .map(({ id, maxBudget, spent, resetsAtMs = 0 }) => [
            id,
            maxBudget,
            spent,
            new Date(resetsAtMs).toISOString(),
          ])
      }
      const [day, month] = [`${keyHash}::1d`, `${keyHash}::1mo`]
      expect(await windowsNow()).toEqual([
        [day, parseDollars(3), 0n, '2026-11-23T00:00:00.000Z'],
        [month, parseDollars(50), 0n, '2026-12-01T00:00:00.000Z'],
      ])
      await book({ keyHash })
      await book({ keyHash: 'another' })
      expect(await windowsNow()).toMatchObject([{ 2: parseDollars(2) }, { 2: parseDollars(2) }])
      nowMs = Date.parse('2026-11-23T08:00:00Z')
      await book({ keyHash })
      await book({ keyHash })
      expect(await windowsNow()).toEqual([
        [day, parseDollars(3), parseDollars(4), '2026-11-24T00:00:00.000Z'],
        [month, parseDollars(50), parseDollars(6), '2026-12-01T00:00:00.000Z'],
      ])
      nowMs += 1_000
      await api.made(`/key/${keyHash}/reset_spend`, MASTER, { reset_to: 0 })
      expect(await windowsNow()).toMatchObject([{ 2: 0n }, { 2: 0n }])
      expect(
        (await api.made('/key/update', MASTER, { key, budget_limits: null }))['budget_limits'],
      ).toBeNull()
      expect(await windowsNow()).toEqual([])
    })

    test('windows of a team bind the calls of its keys', async () => {
      const budget_limits = [{ budget_duration: '7d', max_budget: 5 }]
      await api.made('/team/new', MASTER, { team_id: 'windowed', budget_limits })
      const key = await madeKey({ team_id: 'windowed' })
      await scopesOf(key)
      await book({ keyHash: hashCredential(key), teamId: 'windowed' })
      identity.changed({ subject: 'team', id: 'windowed' })
      expect(await scopeOf(key, 'team_window')).toMatchObject({
        id: 'windowed::7d',
        label: 'windowed, 7d',
        maxBudget: parseDollars(5),
        spent: parseDollars(2),
      })
    })

    test.each([
      { budget_limits: { budget_duration: '1d', max_budget: 1 } },
      { budget_limits: [{ budget_duration: 'daily', max_budget: 1 }] },
      { budget_limits: [{ budget_duration: '1d' }] },
      { budget_limits: [{ budget_duration: '1d', max_budget: -1 }] },
      {
        budget_limits: [
          { budget_duration: '1d', max_budget: 1 },
          { budget_duration: '1d', max_budget: 2 },
        ],
      },
    ])('windows that cannot be meant are refused: %j', async (fields) => {
      expect(await api.post('/key/generate', MASTER, fields)).toMatchObject({
        status: 400,
        error: { param: expect.stringMatching(/^budget_limits/) },
      })
    })

    test('a temporary increase counts until it expires', async () => {
      const key = await madeKey({ max_budget: 1 })
      const change = { key, temp_budget_increase: 5, temp_budget_expiry: '2d' }
      expect(await api.made('/key/update', MASTER, change)).toMatchObject({
        temp_budget_expiry: '2026-11-24T12:00:00.000Z',
      })
      expect((await scopeOf(key, 'key')).maxBudget).toBe(parseDollars(6))
      nowMs = Date.parse('2026-11-24T12:00:00Z')
      expect((await scopeOf(key, 'key')).maxBudget).toBe(parseDollars(1))
    })

    test.each([
      { max_budget: -1 },
      { soft_budget: -0.01 },
      { spend: -1 },
      { rpm_limit: -1 },
      { model_rpm_limit: { a: -1 } },
      { model_max_budget: { a: { budget_limit: -1 } } },
      { model_max_budget: { a: { budget_limit: 1, time_period: 'monthly' } } },
      { temp_budget_increase: -3 },
      { temp_budget_expiry: 'soon' },
    ])('%j is refused', async (fields) => {
      expect(await api.post('/key/generate', MASTER, fields)).toMatchObject({ status: 400 })
    })

    test('the database itself holds no negative amounts', async () => {
      const insert = held.database.sql
        .insertInto('sluice_budget')
        .values({ budget_id: 'negative', max_budget: -1n })
      await expect(insert.execute()).rejects.toThrow('sluice_budget_max_budget_check')
    })

    test('spend is set back, and shown as calls see it', async () => {
      const key = await madeKey({ max_budget: 1, budget_duration: '1d' })
      await scopeOf(key, 'key')
      await book({ keyHash: hashCredential(key) })
      expect(await api.get('/key/info', MASTER, { key })).toMatchObject({ body: { info: { spend: 2 } } })
      nowMs += 1_000
      const reset = await api.made(`/key/${key}/reset_spend`, MASTER, { reset_to: 0.5 })
      expect(reset).toMatchObject({ spend: 0.5, previous_spend: 2, max_budget: 1 })
      expect((await scopeOf(key, 'key')).spent).toBe(parseDollars(0.5))
      expect(await api.post(`/key/${key}/reset_spend`, MASTER, { reset_to: 1 })).toMatchObject({
        status: 400,
      })
      expect(await api.post(`/key/${key}/reset_spend`, MASTER, {})).toMatchObject({ status: 400 })
      nowMs = Date.parse('2026-11-23T00:00:00Z')
      expect(await api.get('/key/info', MASTER, { key })).toMatchObject({
        body: { info: { spend: 0, budget_reset_at: '2026-11-24T00:00:00.000Z' } },
      })
      expect((await scopeOf(key, 'key')).spent).toBe(0n)
    })

    test('the spend of all keys and teams is set back with the master key only', async () => {
      const key = await madeKey()
      await book({ keyHash: hashCredential(key), teamId: 'reset' })
      const admin = await api.made('/user/new', MASTER, { user_role: 'proxy_admin' })
      expect(await api.post('/global/spend/reset', text(admin['key']))).toMatchObject({ status: 403 })
      expect(await api.made('/global/spend/reset', MASTER)).toEqual({
        message: 'Spend for all API Keys and Teams reset successfully',
        status: 'success',
      })
      expect(await api.get('/key/info', MASTER, { key })).toMatchObject({ body: { info: { spend: 0 } } })
    })
  })

  describe('new keys, users and teams under a configuration', () => {
    const under = (settings: Parameters<typeof managementApi>[1]): ManagementApi =>
      managementApi({ database: held.database, identity, clock: () => nowMs }, settings)

    test('defaults fill what a request leaves out', async () => {
      const configured = under({
        default_key_generate_params: { max_budget: 4, models: ['gpt-4o'] },
        default_team_params: { max_budget: 8, rpm_limit: 5 },
        max_internal_user_budget: 6,
        internal_user_budget_duration: '30d',
      })
      expect(await configured.made('/key/generate', MASTER, { models: ['o1'] })).toMatchObject({
        max_budget: 4,
        models: ['o1'],
      })
      expect(await configured.made('/team/new', MASTER)).toMatchObject({ max_budget: 8, rpm_limit: 5 })
      expect(await configured.made('/user/new', MASTER)).toMatchObject({
        max_budget: 6,
        budget_duration: '30d',
      })
      const admin = await configured.made('/user/new', MASTER, { user_role: 'proxy_admin' })
      expect(admin['max_budget']).toBeNull()
    })

    test('upper bounds fill, and more is refused', async () => {
      const configured = under({
        upperbound_key_generate_params: { max_budget: 10, duration: '30d', rpm_limit: 100 },
      })
      const made = await configured.made('/key/generate', MASTER, { rpm_limit: 5 })
      expect(made).toMatchObject({ max_budget: 10, rpm_limit: 5, expires: '2026-12-22T12:00:00.000Z' })
      for (const fields of [{ max_budget: 11 }, { duration: '31d' }, { rpm_limit: '101' }]) {
        expect(await configured.post('/key/generate', MASTER, fields)).toMatchObject({ status: 400 })
      }
      const key = text(made['key'])
      expect(await configured.post('/key/update', MASTER, { key, max_budget: 12 })).toMatchObject({
        status: 400,
      })
      expect(await configured.made('/key/update', MASTER, { key, max_budget: null })).toMatchObject({
        max_budget: 10,
      })
    })

    test('windows of days follow the configured time zone', async () => {
      const configured = under({ timezone: 'America/New_York', budget_reset_time: '06:00' })
      const made = await configured.made('/key/generate', MASTER, { budget_duration: '1d', max_budget: 1 })
      expect(made['budget_reset_at']).toBe('2026-11-23T11:00:00.000Z')
    })
  })

  describe('customers', () => {
    test('a customer with a budget of its own binds the calls that name it', async () => {
      const made = await api.made('/customer/new', MASTER, {
        user_id: 'ada',
        alias: 'Ada',
        max_budget: 3,
        budget_duration: '1d',
        rpm_limit: 2,
      })
      expect(made).toMatchObject({
        user_id: 'ada',
        alias: 'Ada',
        spend: 0,
        blocked: false,
        litellm_budget_table: { max_budget: 3, budget_duration: '1d', rpm_limit: 2 },
      })
      const key = await madeKey()
      expect(await scopeOf(key, 'end_user', { endUser: 'ada' })).toMatchObject({
        id: 'ada',
        label: 'Ada',
        maxBudget: parseDollars(3),
        requestsPerMinute: 2,
        resetsAtMs: Date.parse('2026-11-23T00:00:00Z'),
      })
      expect(await api.post('/customer/new', MASTER, { user_id: 'ada' })).toMatchObject({
        status: 400,
        body: 'Customer already exists, passed user_id=ada.',
      })
    })

    test('a change of the budget is in force with the next call, and one that is shared is copied', async () => {
      await api.made('/budget/new', MASTER, { budget_id: 'shared', max_budget: 5, tpm_limit: 9 })
      for (const id of ['one', 'two']) {
        await api.made('/customer/new', MASTER, { user_id: id, budget_id: 'shared' })
      }
      const key = await madeKey()
      expect((await scopeOf(key, 'end_user', { endUser: 'one' })).maxBudget).toBe(parseDollars(5))
      await api.made('/customer/update', MASTER, { user_id: 'one', max_budget: 7 })
      expect(await scopeOf(key, 'end_user', { endUser: 'one' })).toMatchObject({
        maxBudget: parseDollars(7),
        tokensPerMinute: 9,
      })
      expect((await scopeOf(key, 'end_user', { endUser: 'two' })).maxBudget).toBe(parseDollars(5))
      await api.made('/budget/update', MASTER, { budget_id: 'shared', max_budget: 6, budget_duration: '30d' })
      expect(await scopeOf(key, 'end_user', { endUser: 'two' })).toMatchObject({
        maxBudget: parseDollars(6),
        resetsAtMs: Date.parse('2026-12-01T00:00:00Z'),
      })
      expect(
        await api.post('/customer/new', MASTER, { user_id: 'three', budget_id: 'shared', max_budget: 1 }),
      ).toMatchObject({ status: 400 })
    })

    test('a blocked end user is refused with 403 from the next call on, known before or not', async () => {
      const key = await madeKey()
      expect((await scopesOf(key, { endUser: 'mallory' })).map((scope) => scope.kind)).toEqual(['key'])
      expect(await api.made('/end_user/block', MASTER, { user_ids: ['mallory'] })).toMatchObject({
        blocked_users: [{ user_id: 'mallory', blocked: true }],
      })
      await expect(scopesOf(key, { endUser: 'mallory' })).rejects.toMatchObject({
        code: 'customer_blocked',
        status: 403,
      })
      const released = await api.made('/customer/unblock', MASTER, { user_ids: ['mallory'] })
      expect(released).toEqual({ blocked_users: [] })
      expect((await scopesOf(key, { endUser: 'mallory' })).map((scope) => scope.kind)).toEqual(['key'])
    })

    test('whoever has spent is a customer, with or without a row, until deleted', async () => {
      await book({ keyHash: 'some' }, { endUser: 'spender' })
      expect(await api.get('/customer/info', MASTER, { end_user_id: 'spender' })).toEqual({
        status: 200,
        body: { user_id: 'spender', spend: 2, blocked: false },
        error: undefined,
      })
      const { body } = await api.get('/end_user/list', MASTER)
      expect(body).toContainEqual(expect.objectContaining({ user_id: 'spender', spend: 2 }))
      expect(await api.made('/customer/delete', MASTER, { user_ids: ['spender'] })).toMatchObject({
        deleted_customers: 1,
      })
      expect(await api.get('/customer/info', MASTER, { end_user_id: 'spender' })).toMatchObject({
        status: 404,
      })
      expect(await api.post('/customer/delete', MASTER, { user_ids: ['spender'] })).toMatchObject({
        status: 404,
      })
      nowMs += 1_000
      await api.made('/customer/new', MASTER, { user_id: 'spender', max_budget: 1 })
      expect((await scopeOf(await madeKey(), 'end_user', { endUser: 'spender' })).spent).toBe(0n)
    })

    test('customers are for administrators', async () => {
      const { key } = await api.made('/user/new', MASTER)
      expect(await api.post('/customer/new', text(key), { user_id: 'x' })).toMatchObject({ status: 403 })
      expect(await api.get('/customer/list', text(key))).toMatchObject({ status: 403 })
    })
  })

  describe('budgets', () => {
    test('are made, shown, listed, changed and deleted', async () => {
      const made = await api.made('/budget/new', MASTER, {
        budget_id: 'silver',
        max_budget: 10,
        soft_budget: 8,
        budget_duration: '30d',
        model_max_budget: { 'gpt-4o': { budget_limit: 2, time_period: '1d' } },
      })
      expect(made).toMatchObject({ budget_id: 'silver', max_budget: 10, created_by: 'default_user_id' })
      expect(await api.post('/budget/new', MASTER, { budget_id: 'silver' })).toMatchObject({ status: 400 })
      expect((await api.post('/budget/info', MASTER, { budgets: ['silver', 'none'] })).body).toMatchObject([
        { budget_id: 'silver', model_max_budget: { 'gpt-4o': { budget_limit: 2, time_period: '1d' } } },
      ])
      expect((await api.get('/budget/list', MASTER)).body).toContainEqual(
        expect.objectContaining({ budget_id: 'silver' }),
      )
      expect((await api.get('/budget/settings', MASTER, { budget_id: 'silver' })).body).toContainEqual(
        expect.objectContaining({ field_name: 'max_budget', field_value: 10 }),
      )
      expect(await api.post('/budget/update', MASTER, { max_budget: 1 })).toMatchObject({ status: 400 })
      expect(await api.post('/budget/update', MASTER, { budget_id: 'silver', max_budget: -1 })).toMatchObject(
        {
          status: 400,
        },
      )
    })

    test('bind the keys that point at them, their models too, until they are deleted', async () => {
      const key = await madeKey({ budget_id: 'silver' })
      expect(await scopeOf(key, 'key')).toMatchObject({
        maxBudget: parseDollars(10),
        softBudget: parseDollars(8),
        resetsAtMs: Date.parse('2026-12-01T00:00:00Z'),
      })
      expect(await scopeOf(key, 'key_model')).toMatchObject({ maxBudget: parseDollars(2) })
      await api.made('/budget/update', MASTER, { budget_id: 'silver', max_budget: 11, budget_duration: '1d' })
      expect(await scopeOf(key, 'key')).toMatchObject({
        maxBudget: parseDollars(11),
        resetsAtMs: Date.parse('2026-11-23T00:00:00Z'),
      })
      expect(await api.get('/key/info', MASTER, { key })).toMatchObject({
        body: { info: { budget_reset_at: '2026-11-23T00:00:00.000Z' } },
      })
      expect(await api.made('/budget/delete', MASTER, { id: 'silver' })).toMatchObject({
        budget_id: 'silver',
      })
      expect(await scopeOf(key, 'key')).toMatchObject({ maxBudget: undefined, resetsAtMs: undefined })
    })
  })

  describe('tags', () => {
    test('a tag with a budget binds and is booked for the calls that carry it', async () => {
      const made = await api.made('/tag/new', MASTER, {
        name: 'nightly',
        description: 'at night',
        max_budget: 1,
        budget_duration: '1d',
      })
      expect(made).toMatchObject({
        message: 'Tag nightly created successfully',
        tag: { name: 'nightly', litellm_budget_table: { max_budget: 1 } },
      })
      const key = await madeKey()
      await book({ keyHash: hashCredential(key) }, { tags: ['nightly', 'nobody-s'] })
      expect(await scopeOf(key, 'tag', { tags: ['nobody-s', 'nightly'] })).toMatchObject({
        id: 'nightly',
        maxBudget: parseDollars(1),
        spent: parseDollars(2),
      })
      expect(await api.made('/tag/info', MASTER, { names: ['nightly'] })).toMatchObject({
        nightly: { spend: 2, description: 'at night' },
      })
      const days = { start_date: '2026-11-22', end_date: '2026-11-22' }
      expect((await api.get('/tag/list', MASTER, days)).body).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ name: 'nightly' }),
          expect.objectContaining({ name: 'nobody-s' }),
        ]),
      )
    })

    test('changes are in force with the next call, and so is the end of a tag', async () => {
      const key = await madeKey()
      await api.made('/tag/update', MASTER, { name: 'nightly', max_budget: 9 })
      expect((await scopeOf(key, 'tag', { tags: ['nightly'] })).maxBudget).toBe(parseDollars(9))
      await api.made('/tag/delete', MASTER, { name: 'nightly' })
      expect((await scopesOf(key, { tags: ['nightly'] })).map((scope) => scope.kind)).toEqual(['key'])
      for (const path of ['/tag/update', '/tag/delete']) {
        expect(await api.post(path, MASTER, { name: 'nightly' })).toMatchObject({ status: 404 })
      }
      await api.made('/tag/new', MASTER, { name: 'twice' })
      expect(await api.post('/tag/new', MASTER, { name: 'twice' })).toMatchObject({ status: 400 })
    })
  })

  describe('organizations', () => {
    test('bind the keys of their teams: budget, limits and models', async () => {
      const made = await api.made('/organization/new', MASTER, {
        organization_id: 'acme',
        organization_alias: 'Acme',
        max_budget: 50,
        budget_duration: '30d',
        rpm_limit: 7,
        models: ['gpt-4o'],
        metadata: { a: 1 },
      })
      expect(made).toMatchObject({
        organization_id: 'acme',
        spend: 0,
        metadata: { a: 1 },
        litellm_budget_table: { max_budget: 50, rpm_limit: 7 },
      })
      await api.made('/team/new', MASTER, { team_id: 'acme-team', organization_id: 'acme' })
      const key = await madeKey({ team_id: 'acme-team' })
      expect(await scopeOf(key, 'organization')).toMatchObject({
        label: 'Acme',
        maxBudget: parseDollars(50),
        requestsPerMinute: 7,
        resetsAtMs: Date.parse('2026-12-01T00:00:00Z'),
      })
      const principal = await identity.authenticate({ 'x-api-key': key })
      expect(() => identity.authorizeModel(principal, 'o1', 'o1', [])).toThrow('organization not allowed')
      const changed = await api.send('PATCH', '/organization/update', MASTER, {
        organization_id: 'acme',
        max_budget: 60,
        models: [],
      })
      expect(changed).toMatchObject({
        status: 200,
        body: { litellm_budget_table: { max_budget: 60, rpm_limit: 7 } },
      })
      expect((await scopeOf(key, 'organization')).maxBudget).toBe(parseDollars(60))
      const info = await api.get('/organization/info', key, { organization_id: 'acme' })
      expect(info).toMatchObject({ status: 200, body: { teams: [{ team_id: 'acme-team' }] } })
      const stranger = await madeKey()
      expect(await api.get('/organization/info', stranger, { organization_id: 'acme' })).toMatchObject({
        status: 404,
      })
      expect(await api.get('/organization/list', stranger)).toMatchObject({ body: [] })
      expect((await api.get('/organization/list', MASTER, { org_alias: 'acm' })).body).toHaveLength(1)
    })

    test('end with their teams and keys', async () => {
      const key = await madeKey({ organization_id: 'acme' })
      await scopesOf(key)
      const gone = await api.send('DELETE', '/organization/delete', MASTER, { organization_ids: ['acme'] })
      expect(gone).toMatchObject({ status: 200, body: [{ organization_id: 'acme' }] })
      await expect(async () => await scopesOf(key)).rejects.toThrow('not valid here')
      expect(await api.get('/team/info', MASTER, { team_id: 'acme-team' })).toMatchObject({ status: 404 })
    })
  })

  describe('teams', () => {
    async function member(teamId: string, fields: Record<string, unknown>): Promise<string> {
      const { user_id: id } = await api.made('/user/new', MASTER, { auto_create_key: false })
      await api.made('/team/member_add', MASTER, {
        team_id: teamId,
        member: { role: 'user', user_id: id, ...fields },
      })
      return text(id)
    }

    test('what is sent changes, and binds the keys at once', async () => {
      await api.made('/team/new', MASTER, { team_id: 'changed', max_budget: 5, metadata: { cost_center: 1 } })
      const key = await madeKey({ team_id: 'changed' })
      await scopesOf(key)
      const { data } = await api.made('/team/update', MASTER, {
        team_id: 'changed',
        rpm_limit: 3,
        budget_duration: '1d',
        model_tpm_limit: { 'gpt-4o': 100 },
        tags: ['t'],
      })
      expect(data).toMatchObject({
        max_budget: 5,
        rpm_limit: 3,
        budget_reset_at: '2026-11-23T00:00:00.000Z',
        metadata: { cost_center: 1, tags: ['t'], model_tpm_limit: { 'gpt-4o': 100 } },
      })
      expect(await scopeOf(key, 'team')).toMatchObject({ requestsPerMinute: 3, maxBudget: parseDollars(5) })
      expect(await scopeOf(key, 'team_model')).toMatchObject({ id: 'changed::gpt-4o', tokensPerMinute: 100 })
    })

    test('a blocked team’s keys are refused with the next call', async () => {
      const key = await madeKey({ team_id: 'changed' })
      await scopesOf(key)
      expect(await api.made('/team/block', MASTER, { team_id: 'changed' })).toMatchObject({ blocked: true })
      await expect(async () => await scopesOf(key)).rejects.toThrow('The team of this API key is blocked')
      await api.made('/team/unblock', MASTER, { team_id: 'changed' })
      expect((await scopesOf(key)).length).toBeGreaterThan(1)
      expect(await api.post('/team/block', MASTER, { team_id: 'none' })).toMatchObject({ status: 404 })
    })

    test('limits for all members bind each, and one that differs has its own', async () => {
      await api.made('/team/new', MASTER, {
        team_id: 'members',
        team_member_budget: 2,
        team_member_budget_duration: '30d',
        team_member_rpm_limit: 6,
      })
      const [plain, special] = [await member('members', {}), await member('members', {})]
      const changed = await api.made('/team/member_update', MASTER, {
        team_id: 'members',
        user_id: special,
        max_budget_in_team: 9,
        role: 'admin',
      })
      expect(changed).toMatchObject({ user_id: special, max_budget_in_team: 9, rpm_limit: 6 })
      const keys = [
        await madeKey({ team_id: 'members', user_id: plain }),
        await madeKey({ team_id: 'members', user_id: special }),
      ]
      const budgets = async () =>
        await Promise.all(keys.map(async (key) => (await scopeOf(key, 'team_member')).maxBudget))
      expect(await budgets()).toEqual([parseDollars(2), parseDollars(9)])
      await api.made('/team/update', MASTER, { team_id: 'members', team_member_budget: 3 })
      expect(await budgets()).toEqual([parseDollars(3), parseDollars(9)])
      expect(await scopeOf(keys[1]!, 'team_member')).toMatchObject({
        requestsPerMinute: 6,
        resetsAtMs: Date.parse('2026-12-01T00:00:00Z'),
      })
    })

    test('a limit for all members that comes later binds those who are there', async () => {
      await api.made('/team/new', MASTER, { team_id: 'later' })
      const id = await member('later', {})
      const key = await madeKey({ team_id: 'later', user_id: id })
      expect((await scopeOf(key, 'team_member')).maxBudget).toBeUndefined()
      await api.made('/team/update', MASTER, {
        team_id: 'later',
        team_member_budget: 1,
        team_member_budget_duration: '1d',
      })
      expect(await scopeOf(key, 'team_member')).toMatchObject({
        maxBudget: parseDollars(1),
        resetsAtMs: Date.parse('2026-11-23T00:00:00Z'),
      })
    })

    test('what a member has spent is set back', async () => {
      const id = await member('members', {})
      const key = await madeKey({ team_id: 'members', user_id: id })
      await book({ keyHash: hashCredential(key), teamId: 'members', userId: id })
      nowMs += 1_000
      const path = `/team/members/member/${id}/reset_spend`
      expect(await api.made(path, MASTER, { reset_to: 0 })).toEqual({
        team_id: 'members',
        user_id: id,
        spend: 0,
        previous_spend: 2,
        max_budget: 3,
      })
      expect((await scopeOf(key, 'team_member')).spent).toBe(0n)
    })

    test('administrators of a team manage its members, plain ones and strangers do not', async () => {
      await api.made('/team/new', MASTER, { team_id: 'led' })
      const lead = await api.made('/user/new', MASTER, { teams: [{ team_id: 'led', user_role: 'admin' }] })
      const plain = await api.made('/user/new', MASTER, { teams: ['led'] })
      const stranger = await api.made('/user/new', MASTER)
      const add = { team_id: 'led', member: { user_id: stranger['user_id'] } }
      expect(await api.post('/team/member_add', text(plain['key']), add)).toMatchObject({ status: 403 })
      expect(await api.post('/team/member_add', text(stranger['key']), add)).toMatchObject({ status: 404 })
      const added = await api.made('/team/member_add', text(lead['key']), { ...add, max_budget_in_team: 4 })
      expect(added).toMatchObject({
        team_id: 'led',
        updated_users: [{ user_id: stranger['user_id'] }],
        updated_team_memberships: [{ litellm_budget_table: { max_budget: 4 } }],
      })
      expect(await api.post('/team/member_add', text(lead['key']), add)).toMatchObject({ status: 400 })
      const unknown = { team_id: 'led', member: { user_email: `new-${kind}@example.org` } }
      expect(await api.post('/team/member_add', text(lead['key']), unknown)).toMatchObject({ status: 403 })
      expect((await api.made('/team/member_add', MASTER, unknown))['members_with_roles']).toHaveLength(4)
      expect(
        await api.post('/team/update', text(lead['key']), { team_id: 'led', max_budget: 1 }),
      ).toMatchObject({
        status: 403,
      })
    })

    test('a member that leaves loses its keys of the team, and a team ends with all of them', async () => {
      const id = await member('members', {})
      const key = await madeKey({ team_id: 'members', user_id: id })
      const other = await madeKey({ team_id: 'members' })
      await scopesOf(key)
      await scopesOf(other)
      await api.made('/team/member_delete', MASTER, { team_id: 'members', user_id: id })
      await expect(async () => await scopesOf(key)).rejects.toThrow('not valid here')
      expect(await api.made('/team/delete', MASTER, { team_ids: ['members'] })).toEqual({
        deleted_teams: ['members'],
      })
      await expect(async () => await scopesOf(other)).rejects.toThrow('not valid here')
      expect(await api.post('/team/delete', MASTER, { team_ids: ['members'] })).toMatchObject({ status: 404 })
    })
  })
})
