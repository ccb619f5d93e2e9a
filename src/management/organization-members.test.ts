/** Members of organizations: made, shown, limited, counted and taken away. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import { CALLER, callEnd, callStart, DEPLOYMENT } from '../../test/ledger/calls.ts'
import { managementApi, type ManagementApi } from '../../test/management-api.ts'
import { Secret } from '../config/secret.ts'
import { hashCredential } from '../identity/credential.ts'
import { createIdentity, DEFAULT_IDENTITY_SETTINGS, type Identity } from '../identity/identity.ts'
import { parseDollars } from '../money/picodollars.ts'
import type { CallerFacts } from '../record/call-record.ts'
import type { Scope } from '../record/scope.ts'
import { settledRow, startText } from '../spend/call-row.ts'
import { bookCalls } from '../storage/queries/book-calls.ts'

const MASTER = 'sk-master-of-this-test'
const nowMs = Date.parse('2026-11-22T12:00:00Z')

type Fields = Readonly<Record<string, unknown>>

describe.each(['embedded', 'postgresql'] as const)('on %s', (kind) => {
  let held: TestDatabase
  let identity: Identity
  let api: ManagementApi
  const open: Identity[] = []
  let made = 0

  function newProcess(): Identity {
    const process = createIdentity({
      database: held.database,
      masterKey: new Secret(MASTER),
      settings: DEFAULT_IDENTITY_SETTINGS,
      clock: () => nowMs,
    })
    open.push(process)
    return process
  }

  beforeAll(async () => {
    held = await migratedDatabase(kind)
    identity = newProcess()
    api = managementApi({ database: held.database, identity, clock: () => nowMs })
  })

  afterAll(async () => {
    for (const each of open) await each.close()
    await held[Symbol.asyncDispose]()
  })

  async function organization(): Promise<string> {
    const id = `organization-${(made += 1)}`
    await api.made('/organization/new', MASTER, { organization_id: id, organization_alias: `Org ${made}` })
    return id
  }

  async function user(): Promise<string> {
    const id = `user-${(made += 1)}`
    await api.made('/user/new', MASTER, {
      user_id: id,
      user_email: `${id}@example.com`,
      auto_create_key: false,
    })
    return id
  }

  /** A user that belongs to an organization. */
  async function member(fields: Fields = {}) {
    const [organizationId, userId] = [await organization(), await user()]
    const added = { organization_id: organizationId, member: { user_id: userId, role: 'internal_user' } }
    await api.made('/organization/member_add', MASTER, { ...added, ...fields })
    return { organizationId, userId }
  }

  async function madeKey(fields: Fields): Promise<string> {
    return String((await api.made('/key/generate', MASTER, fields))['key'])
  }

  async function scopesOf(key: string, model = 'gpt-4o', process = identity): Promise<readonly Scope[]> {
    const principal = await process.authenticate({ 'x-api-key': key })
    return await process.callScopes(principal, undefined, [], model)
  }

  async function memberScope(key: string, process = identity): Promise<Scope | undefined> {
    return (await scopesOf(key, 'gpt-4o', process)).find((scope) => scope.kind === 'organization_member')
  }

  async function shownMembers(organizationId: string): Promise<readonly Fields[]> {
    const { body } = await api.get('/organization/info', MASTER, { organization_id: organizationId })
    return (body as { members: Fields[] }).members
  }

  /** Books a call of 2 dollars. */
  async function book(key: string, facts: Partial<CallerFacts>): Promise<void> {
    const nobody = { ...CALLER, userId: undefined, teamId: undefined, organizationId: undefined }
    const caller = { ...nobody, keyHash: hashCredential(key), ...facts }
    const start = { ...callStart({ caller }), arrivedAtMs: nowMs - 100 }
    const deployment = { ...DEPLOYMENT, modelGroup: 'gpt-4o' }
    const end = callEnd(start, { deployment, cost: parseDollars(2), endedAtMs: nowMs })
    await bookCalls(held.database, [settledRow(startText(start, true), start, end)])
  }

  test('one is added by id and another, whom nobody knows yet, by address; both are shown', async () => {
    const [organizationId, userId] = [await organization(), await user()]
    const added = await api.made('/organization/member_add', MASTER, {
      organization_id: organizationId,
      member: [
        { user_id: userId, role: 'org_admin' },
        { user_email: `new-${kind}@example.com`, role: 'internal_user_viewer' },
      ],
      max_budget_in_organization: 5,
    })
    expect(added).toMatchObject({
      organization_id: organizationId,
      updated_users: expect.arrayContaining([
        expect.objectContaining({ user_id: userId }),
        expect.objectContaining({ user_role: 'internal_user_viewer' }),
      ]),
    })
    const expected = expect.arrayContaining([
      expect.objectContaining({
        organization_id: organizationId,
        user_id: userId,
        user_role: 'org_admin',
        spend: 0,
        litellm_budget_table: expect.objectContaining({ max_budget: 5 }),
      }),
      expect.objectContaining({ user_email: `new-${kind}@example.com`, user_role: 'internal_user_viewer' }),
    ])
    expect(added['updated_organization_memberships']).toEqual(expected)
    expect(await shownMembers(organizationId)).toEqual(expected)
    const { body } = await api.get('/organization/list', MASTER, { org_id: organizationId })
    expect(body).toMatchObject([{ members: expected }])
    expect(await api.get('/user/info', MASTER, { user_id: userId })).toMatchObject({
      body: {
        user_info: {
          organization_memberships: [{ organization_id: organizationId, user_role: 'org_admin' }],
        },
      },
    })
  })

  test('what cannot be is refused, and changes nothing', async () => {
    const { organizationId, userId } = await member()
    const stranger = await user()
    const at = { organization_id: organizationId }
    const cases: readonly (readonly [Promise<{ status: number }>, number])[] = [
      [api.post('/organization/member_add', MASTER, { ...at, member: { user_id: userId } }), 400],
      [api.post('/organization/member_add', MASTER, { ...at, member: { user_id: 'x', role: 'owner' } }), 400],
      [api.post('/organization/member_add', MASTER, { ...at, member: { role: 'org_admin' } }), 400],
      [
        api.post('/organization/member_add', MASTER, { organization_id: 'none', member: { user_id: 'x' } }),
        404,
      ],
      [api.send('PATCH', '/organization/member_update', MASTER, { ...at, user_id: stranger }), 404],
      [api.send('DELETE', '/organization/member_delete', MASTER, { ...at, user_id: stranger }), 404],
      [
        api.send('PATCH', '/organization/member_update', MASTER, {
          ...at,
          user_id: userId,
          max_budget_in_organization: -1,
        }),
        400,
      ],
    ]
    for (const [answer, status] of cases) expect(await answer).toMatchObject({ status })
    const key = await madeKey({ user_id: userId, organization_id: organizationId })
    expect(
      await api.post('/organization/member_add', key, { ...at, member: { user_id: stranger } }),
    ).toMatchObject({
      status: 403,
    })
    expect(await shownMembers(organizationId)).toMatchObject([{ user_id: userId, budget_id: null }])
  })

  test('who else is a member is shown to those who administer the organization, and to others the own membership', async () => {
    const { organizationId, userId } = await member()
    const chief = await user()
    const added = { organization_id: organizationId, member: { user_id: chief, role: 'org_admin' } }
    await api.made('/organization/member_add', MASTER, added)
    const seenBy = async (userOfKey: string) => {
      const key = await madeKey({ user_id: userOfKey, organization_id: organizationId })
      const { body } = await api.get('/organization/info', key, { organization_id: organizationId })
      const { body: list } = await api.get('/organization/list', key)
      const shown = body as { members: { user_id: string }[] }
      expect(list).toMatchObject([{ members: shown.members }])
      return shown.members.map((each) => each.user_id).toSorted()
    }
    expect(await seenBy(chief)).toEqual([userId, chief].toSorted())
    expect(await seenBy(userId)).toEqual([userId])
    expect(await seenBy(await user())).toEqual([])
  })

  test('a budget in the organization binds the member’s calls by its keys and by those of its teams', async () => {
    const { organizationId, userId } = await member({ max_budget_in_organization: 3 })
    const teamId = `team-${made}`
    await api.made('/team/new', MASTER, { team_id: teamId, organization_id: organizationId })
    const keys = [
      await madeKey({ user_id: userId, organization_id: organizationId }),
      await madeKey({ user_id: userId, team_id: teamId }),
    ]
    for (const key of keys) {
      expect(await memberScope(key)).toMatchObject({
        id: `${organizationId}::${userId}`,
        label: expect.stringMatching(/^user-\d+@example\.com in Org \d+$/),
        maxBudget: parseDollars(3),
      })
    }
    const others = [
      await madeKey({ user_id: userId }),
      await madeKey({ user_id: await user(), organization_id: organizationId }),
      await madeKey({ organization_id: organizationId }),
    ]
    for (const key of others) expect(await memberScope(key)).toBeUndefined()
  })

  test('what the member spends in the organization is counted and shown, with a budget or without', async () => {
    const { organizationId, userId } = await member()
    const key = await madeKey({ user_id: userId, organization_id: organizationId })
    await book(key, { userId, organizationId })
    await book(key, { userId })
    await book(key, { organizationId })
    expect(await memberScope(key, newProcess())).toMatchObject({
      spent: parseDollars(2),
      maxBudget: undefined,
    })
    expect(await shownMembers(organizationId)).toMatchObject([{ spend: 2 }])
  })

  test('a change is in force in every process, and so is the end of the membership', async () => {
    const { organizationId, userId } = await member({ max_budget_in_organization: 3 })
    const key = await madeKey({ user_id: userId, organization_id: organizationId })
    const other = newProcess()
    const budgets = async () => {
      await other.maintain()
      return [(await memberScope(key))?.maxBudget, (await memberScope(key, other))?.maxBudget]
    }
    expect(await budgets()).toEqual([parseDollars(3), parseDollars(3)])
    const at = { organization_id: organizationId, user_id: userId }
    const changed = await api.send('PATCH', '/organization/member_update', MASTER, {
      ...at,
      role: 'org_admin',
      max_budget_in_organization: 4,
    })
    expect(changed).toMatchObject({
      status: 200,
      body: { user_id: userId, user_role: 'org_admin', litellm_budget_table: { max_budget: 4 } },
    })
    expect(await budgets()).toEqual([parseDollars(4), parseDollars(4)])
    await api.send('PATCH', '/organization/member_update', MASTER, {
      ...at,
      max_budget_in_organization: null,
    })
    expect(await budgets()).toEqual([undefined, undefined])
    expect(await api.send('DELETE', '/organization/member_delete', MASTER, at)).toMatchObject({
      status: 200,
      body: { user_id: userId },
    })
    expect(await shownMembers(organizationId)).toEqual([])
    expect([await memberScope(key), (await scopesOf(key)).map((scope) => scope.kind)]).toEqual([
      undefined,
      ['key', 'user', 'organization'],
    ])
  })

  test('the member’s budget takes windows, rates and models as any other, and is copied when others share it', async () => {
    const { organizationId, userId } = await member({ max_budget_in_organization: 3 })
    const [{ budget_id: budgetId } = {}] = await shownMembers(organizationId)
    await api.made('/budget/update', MASTER, {
      budget_id: budgetId,
      budget_duration: '1d',
      rpm_limit: 8,
      model_max_budget: { 'gpt-4o': { budget_limit: 1 } },
    })
    const key = await madeKey({ user_id: userId, organization_id: organizationId })
    expect(await memberScope(key)).toMatchObject({
      requestsPerMinute: 8,
      resetsAtMs: Date.parse('2026-11-23T00:00:00Z'),
    })
    const ofModel = async () =>
      (await scopesOf(key, 'gpt-4o', newProcess())).find(
        ({ kind: each }) => each === 'organization_member_model',
      )
    expect(await ofModel()).toMatchObject({ maxBudget: parseDollars(1), spent: 0n })
    await book(key, { userId, organizationId })
    expect(await ofModel()).toMatchObject({ spent: parseDollars(2) })
    const customer = await api.made('/customer/new', MASTER, {
      user_id: `sharing-${made}`,
      budget_id: budgetId,
    })
    await api.send('PATCH', '/organization/member_update', MASTER, {
      organization_id: organizationId,
      user_id: userId,
      max_budget_in_organization: 9,
    })
    const [{ litellm_budget_table: table } = {}] = await shownMembers(organizationId)
    expect(table).toMatchObject({ max_budget: 9, rpm_limit: 8, budget_duration: '1d' })
    expect(table).not.toMatchObject({ budget_id: customer['budget_id'] })
    expect(await memberScope(key)).toMatchObject({ maxBudget: parseDollars(9), requestsPerMinute: 8 })
  })

  test('a user that is deleted is a member no more', async () => {
    const { organizationId, userId } = await member({ max_budget_in_organization: 3 })
    expect(await api.post('/user/delete', MASTER, { user_ids: [userId] })).toMatchObject({ status: 200 })
    expect(await shownMembers(organizationId)).toEqual([])
  })
})
