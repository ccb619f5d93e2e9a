/** Limits of single models of users, members, organizations, customers and tags: set by the API, met by calls, booked. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import { CALLER, callEnd, callStart, DEPLOYMENT } from '../../test/ledger/calls.ts'
import { managementApi, type ManagementApi } from '../../test/management-api.ts'
import { Secret } from '../config/secret.ts'
import { hashCredential } from '../identity/credential.ts'
import { createIdentity, DEFAULT_IDENTITY_SETTINGS, type Identity } from '../identity/identity.ts'
import { parseDollars } from '../money/picodollars.ts'
import type { CallerFacts, CallStart } from '../record/call-record.ts'
import type { Scope, ScopeKind } from '../record/scope.ts'
import { settledRow, startText } from '../spend/call-row.ts'
import { bookCalls } from '../storage/queries/book-calls.ts'
import { readSpends } from '../storage/queries/spend-windows.ts'

const MASTER = 'sk-master-of-this-test'
const START_MS = Date.parse('2026-11-22T12:00:00Z')
const NEXT_DAY = '2026-11-23T00:00:00.000Z'

type Fields = Readonly<Record<string, unknown>>

/** A caller, as its calls are authenticated and booked. */
interface Caller {
  readonly key: string
  readonly facts?: Partial<CallerFacts>
  readonly endUser?: string
  readonly tag?: string
}

let nowMs = START_MS

beforeEach(() => {
  nowMs = START_MS
})

describe.each(['embedded', 'postgresql'] as const)('on %s', (kind) => {
  let held: TestDatabase
  let identity: Identity
  let api: ManagementApi
  const open: Identity[] = []
  let made = 0

  /** A process: what it knows is what the database tells it. */
  function newProcess(settings: Partial<typeof DEFAULT_IDENTITY_SETTINGS> = {}): Identity {
    const process = createIdentity({
      database: held.database,
      masterKey: new Secret(MASTER),
      settings: { ...DEFAULT_IDENTITY_SETTINGS, ...settings },
      clock: () => nowMs,
    })
    open.push(process)
    return process
  }

  beforeAll(async () => {
    held = await migratedDatabase(kind)
    identity = newProcess()
    api = managementApi(
      { database: held.database, identity, clock: () => nowMs },
      { max_end_user_budget_id: 'for-others' },
    )
  })

  afterAll(async () => {
    for (const each of open) await each.close()
    await held[Symbol.asyncDispose]()
  })

  async function madeKey(fields: Fields = {}): Promise<string> {
    return String((await api.made('/key/generate', MASTER, fields))['key'])
  }

  /** What a call is counted for. */
  async function scopesOf(caller: Caller, model = 'gpt-4o', process = identity): Promise<readonly Scope[]> {
    const principal = await process.authenticate({ 'x-api-key': caller.key })
    const tags = caller.tag === undefined ? [] : [caller.tag]
    return await process.callScopes(principal, caller.endUser, tags, model)
  }

  async function scopeOf(
    caller: Caller,
    scopeKind: ScopeKind,
    process = identity,
  ): Promise<Scope | undefined> {
    return (await scopesOf(caller, 'gpt-4o', process)).find((scope) => scope.kind === scopeKind)
  }

  /** Books a call of 2 dollars that has ended now. */
  async function book({ key, facts, endUser, tag }: Caller, modelGroup = 'gpt-4o'): Promise<void> {
    const nobody = { ...CALLER, userId: undefined, teamId: undefined, organizationId: undefined }
    const caller = { ...nobody, keyHash: hashCredential(key), ...facts }
    const tags = tag === undefined ? [] : [tag]
    const named: Partial<CallStart> = { caller, endUser, tags }
    const start = { ...callStart(named), arrivedAtMs: nowMs - 100 }
    const deployment = { ...DEPLOYMENT, modelGroup }
    const end = callEnd(start, { deployment, cost: parseDollars(2), endedAtMs: nowMs })
    await bookCalls(held.database, [settledRow(startText(start, true), start, end)])
  }

  const OWNERS: readonly {
    readonly kind: ScopeKind
    readonly make: (limits: Fields) => Promise<Caller>
    readonly change: (caller: Caller, limits: Fields | null) => Promise<unknown>
    readonly label: string
  }[] = [
    {
      kind: 'user_model',
      make: async (model_max_budget) => {
        const userId = `user-${(made += 1)}`
        await api.made('/user/new', MASTER, { user_id: userId, auto_create_key: false, model_max_budget })
        return { key: await madeKey({ user_id: userId }), facts: { userId } }
      },
      change: async ({ facts }, model_max_budget) =>
        await api.made('/user/update', MASTER, { user_id: facts?.userId, model_max_budget }),
      label: 'gpt-4o of user-',
    },
    {
      kind: 'team_member_model',
      make: async (model_max_budget) => {
        const [teamId, userId] = [`team-${(made += 1)}`, `member-${made}`]
        await api.made('/user/new', MASTER, { user_id: userId, auto_create_key: false })
        const { metadata } = await api.made('/team/new', MASTER, { team_id: teamId, team_member_budget: 50 })
        const budgetId = Object(metadata)['team_member_budget_id']
        await api.made('/budget/update', MASTER, { budget_id: budgetId, model_max_budget })
        const member = { role: 'user', user_id: userId }
        // A budget of its own, which is the team's for its members but for the amount.
        await api.made('/team/member_add', MASTER, { team_id: teamId, member, max_budget_in_team: 40 })
        return { key: await madeKey({ team_id: teamId, user_id: userId }), facts: { teamId, userId } }
      },
      change: async ({ facts }, model_max_budget) => {
        const { body } = await api.get('/team/info', MASTER, { team_id: facts?.teamId ?? '' })
        const [membership] = (body as { team_memberships: { budget_id: string }[] }).team_memberships
        await api.made('/budget/update', MASTER, { budget_id: membership?.budget_id, model_max_budget })
      },
      label: 'gpt-4o of member-',
    },
    {
      kind: 'organization_model',
      make: async (model_max_budget) => {
        const organizationId = `organization-${(made += 1)}`
        const fields = {
          organization_id: organizationId,
          organization_alias: `Org ${made}`,
          model_max_budget,
        }
        await api.made('/organization/new', MASTER, fields)
        const teamId = `team-${made}`
        await api.made('/team/new', MASTER, { team_id: teamId, organization_id: organizationId })
        return { key: await madeKey({ team_id: teamId }), facts: { teamId, organizationId } }
      },
      change: async ({ facts }, model_max_budget) =>
        await api.send('PATCH', '/organization/update', MASTER, {
          organization_id: facts?.organizationId,
          model_max_budget,
        }),
      label: 'gpt-4o of Org ',
    },
    {
      kind: 'end_user_model',
      make: async (model_max_budget) => {
        const endUser = `customer-${(made += 1)}`
        await api.made('/customer/new', MASTER, { user_id: endUser, model_max_budget })
        return { key: await madeKey(), endUser }
      },
      change: async ({ endUser }, model_max_budget) =>
        await api.made('/customer/update', MASTER, { user_id: endUser, model_max_budget }),
      label: 'gpt-4o of customer-',
    },
    {
      kind: 'tag_model',
      make: async (model_max_budget) => {
        const tag = `tag-${(made += 1)}`
        await api.made('/tag/new', MASTER, { name: tag, model_max_budget })
        return { key: await madeKey(), tag }
      },
      change: async ({ tag }, model_max_budget) =>
        await api.made('/tag/update', MASTER, { name: tag, model_max_budget }),
      label: 'gpt-4o of tag-',
    },
  ]

  describe.each(OWNERS.map((owner) => [owner.kind, owner] as const))('a %s', (scopeKind, owner) => {
    const DAILY = { 'gpt-4o': { budget_limit: 3, time_period: '1d', rpm_limit: 9, tpm_limit: 70 } }

    test('limits the calls of that model within its owner, and no others', async () => {
      const caller = await owner.make(DAILY)
      expect(await scopeOf(caller, scopeKind)).toMatchObject({
        label: expect.stringContaining(owner.label),
        ownerId: expect.any(String),
        maxBudget: parseDollars(3),
        requestsPerMinute: 9,
        tokensPerMinute: 70,
        resetsAtMs: Date.parse(NEXT_DAY),
      })
      const ofOther = await scopesOf(caller, 'o1')
      expect(ofOther.map((scope) => scope.kind)).not.toContain(scopeKind)
    })

    test('counts what the model costs from the first call on, in each window anew, in every process', async () => {
      const caller = await owner.make(DAILY)
      await scopeOf(caller, scopeKind)
      await book(caller)
      await book(caller, 'o1')
      const started = newProcess()
      expect(await scopeOf(caller, scopeKind, started)).toMatchObject({ spent: parseDollars(2) })
      nowMs = Date.parse(NEXT_DAY) + 60_000
      await book(caller)
      await Promise.all([identity.beginDueWindows(), started.beginDueWindows()])
      const { id = '' } = (await scopeOf(caller, scopeKind, newProcess())) ?? {}
      const [spend] = await readSpends(held.database.sql, [{ kind: scopeKind, id }])
      expect(spend).toMatchObject({ total: parseDollars(4), baseline: parseDollars(2), ahead: 0n })
      expect(await scopeOf(caller, scopeKind, newProcess())).toMatchObject({
        spent: parseDollars(2),
        resetsAtMs: Date.parse('2026-11-24T00:00:00Z'),
      })
    })

    test('changes with the next call, and ends with it', async () => {
      const caller = await owner.make(DAILY)
      await scopeOf(caller, scopeKind)
      await owner.change(caller, { 'gpt-4o': 7 })
      expect(await scopeOf(caller, scopeKind)).toMatchObject({
        maxBudget: parseDollars(7),
        requestsPerMinute: undefined,
        resetsAtMs: undefined,
      })
      await owner.change(caller, null)
      expect(await scopeOf(caller, scopeKind)).toBeUndefined()
    })
  })

  test('limits of requests and tokens of an organization’s and a user’s models stand in the metadata too', async () => {
    const rates = { model_rpm_limit: { 'gpt-4o': 4 }, model_tpm_limit: { 'gpt-4o': 900 } }
    await api.made('/organization/new', MASTER, {
      organization_id: 'rated',
      organization_alias: 'R',
      ...rates,
    })
    await api.made('/user/new', MASTER, { user_id: 'rated', auto_create_key: false, ...rates })
    const caller = { key: await madeKey({ organization_id: 'rated', user_id: 'rated' }) }
    for (const scopeKind of ['organization_model', 'user_model'] as const) {
      expect(await scopeOf(caller, scopeKind)).toMatchObject({ requestsPerMinute: 4, tokensPerMinute: 900 })
    }
  })

  test.each([
    { model_rpm_limit: { 'gpt-4o': -1 } },
    { model_tpm_limit: 5 },
    { model_max_budget: { 'gpt-4o': -1 } },
  ])('what would limit nothing is refused: %j', async (limits) => {
    const organization = { organization_alias: 'R', ...limits }
    for (const [path, fields] of [
      ['/organization/new', organization],
      ['/user/new', limits],
    ] as const) {
      expect(await api.post(path, MASTER, fields)).toMatchObject({
        status: 400,
        error: { param: expect.stringContaining(Object.keys(limits)[0]!) },
      })
    }
  })

  test('a model that several limit is counted for all of them', async () => {
    const model_max_budget = { 'gpt-4o': { budget_limit: 1 } }
    const limited = { model_max_budget }
    await api.made('/organization/new', MASTER, {
      organization_id: 'all',
      organization_alias: 'A',
      ...limited,
    })
    await api.made('/user/new', MASTER, { user_id: 'all', auto_create_key: false, ...limited })
    await api.made('/customer/new', MASTER, { user_id: 'all', ...limited })
    await api.made('/tag/new', MASTER, { name: 'all', ...limited })
    const key = await madeKey({ organization_id: 'all', user_id: 'all', ...limited })
    const scopes = await scopesOf({ key, endUser: 'all', tag: 'all' })
    expect(scopes.map((scope) => scope.kind).filter((each) => each.endsWith('_model'))).toEqual([
      'key_model',
      'user_model',
      'organization_model',
      'end_user_model',
      'tag_model',
    ])
  })

  test('a user’s models are limited for its personal keys, not for those of its teams', async () => {
    await api.made('/user/new', MASTER, {
      user_id: 'own',
      auto_create_key: false,
      model_max_budget: { 'gpt-4o': 1 },
    })
    await api.made('/team/new', MASTER, {
      team_id: 'not-own',
      members_with_roles: [{ role: 'user', user_id: 'own' }],
    })
    const caller = {
      key: await madeKey({ user_id: 'own', team_id: 'not-own' }),
      facts: { userId: 'own', teamId: 'not-own' },
    }
    expect(await scopeOf(caller, 'user_model')).toBeUndefined()
    const personal = { key: await madeKey({ user_id: 'own' }), facts: { userId: 'own' } }
    await scopeOf(personal, 'user_model')
    await book(caller)
    expect(await scopeOf(personal, 'user_model', newProcess())).toMatchObject({ spent: 0n })
  })

  test('what limits a new user’s models binds all its keys, and leaves the first one free to make others', async () => {
    const limits = { model_rpm_limit: { 'gpt-4o': 3 }, model_max_budget: { 'gpt-4o': 1 } }
    const { key, user_id } = await api.made('/user/new', MASTER, limits)
    const caller = { key: String(key) }
    expect(await scopeOf(caller, 'user_model')).toMatchObject({
      requestsPerMinute: 3,
      maxBudget: parseDollars(1),
    })
    expect(await scopeOf(caller, 'key_model')).toBeUndefined()
    const second = await api.made('/key/generate', caller.key, {})
    expect(second).toMatchObject({ user_id })
    expect(await scopeOf({ key: String(second['key']) }, 'user_model')).toBeDefined()
  })

  describe('the budget of all other end users', () => {
    const others = { endUserDefaults: { maxBudget: undefined, budgetId: 'for-others' } }

    beforeAll(async () => {
      await api.made('/budget/new', MASTER, {
        budget_id: 'for-others',
        max_budget: 9,
        model_max_budget: { 'gpt-4o': { budget_limit: 3, time_period: '1d' }, quick: { rpm_limit: 2 } },
      })
    })

    test('limits models, and counts what they cost from the first call on', async () => {
      const caller = { key: await madeKey(), endUser: 'anybody' }
      const process = newProcess(others)
      await process.maintain()
      expect(await scopeOf(caller, 'end_user_model', process)).toMatchObject({
        id: 'anybody::gpt-4o',
        maxBudget: parseDollars(3),
        spent: 0n,
        resetsAtMs: Date.parse(NEXT_DAY),
      })
      await book(caller)
      const later = newProcess(others)
      await later.maintain()
      expect(await scopeOf(caller, 'end_user_model', later)).toMatchObject({ spent: parseDollars(2) })
    })

    test('delays only the first call of a model that has a budget', async () => {
      const process = newProcess(others)
      await process.maintain()
      const principal = await process.authenticate({ 'x-api-key': await madeKey() })
      const ask = (model: string) => process.callScopes(principal, 'nobody', [], model)
      expect(ask('o1')).not.toBeInstanceOf(Promise)
      expect(ask('quick')).toContainEqual(
        expect.objectContaining({ kind: 'end_user_model', requestsPerMinute: 2 }),
      )
      const [first, second] = await Promise.all([ask('gpt-4o'), ask('gpt-4o')])
      expect(second).toEqual(first)
      expect(ask('gpt-4o')).not.toBeInstanceOf(Promise)
    })

    test('ends when the budget is deleted', async () => {
      await api.made('/budget/new', MASTER, {
        budget_id: 'passing',
        max_budget: 9,
        model_max_budget: { 'gpt-4o': 1 },
      })
      const process = newProcess({ endUserDefaults: { maxBudget: parseDollars(20), budgetId: 'passing' } })
      await process.maintain()
      const caller = { key: await madeKey(), endUser: 'passing' }
      expect(await scopeOf(caller, 'end_user_model', process)).toBeDefined()
      await api.made('/budget/delete', MASTER, { id: 'passing' })
      await vi.waitFor(async () => {
        await process.maintain()
        expect(await scopeOf(caller, 'end_user', process)).toMatchObject({ maxBudget: parseDollars(20) })
      })
      expect(await scopeOf(caller, 'end_user_model', process)).toBeUndefined()
    })
  })

  test('a deleted customer or tag that comes again has spent nothing of its models', async () => {
    const model_max_budget = { 'gpt-4o': 3 }
    await api.made('/customer/new', MASTER, { user_id: 'again', model_max_budget })
    await api.made('/tag/new', MASTER, { name: 'again', model_max_budget })
    const caller = { key: await madeKey(), endUser: 'again', tag: 'again' }
    const spentOfModels = async () =>
      (await scopesOf(caller, 'gpt-4o', newProcess()))
        .filter((scope) => scope.kind.endsWith('_model'))
        .map((scope) => scope.spent)
    await spentOfModels()
    await book(caller)
    expect(await spentOfModels()).toEqual([parseDollars(2), parseDollars(2)])
    nowMs += 1_000
    await api.made('/customer/delete', MASTER, { user_ids: ['again'] })
    await api.made('/tag/delete', MASTER, { name: 'again' })
    await api.made('/customer/new', MASTER, { user_id: 'again', model_max_budget })
    await api.made('/tag/new', MASTER, { name: 'again', model_max_budget })
    expect(await spentOfModels()).toEqual([0n, 0n])
  })
})
