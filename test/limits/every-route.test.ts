/** No route of model calls escapes a limit, whatever limits and on whom. A limit of zero refuses the first call. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DIALECT_CASES, WHOLE_CASES, type DialectCase } from '../calls/dialect-cases.ts'
import { startTestGateway, type TestGateway } from '../running-gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway.stop())

type Fields = Readonly<Record<string, unknown>>

/** Whom a call is counted for: its key, and the headers that name the others. */
interface Caller {
  readonly key: string
  readonly headers?: Record<string, string>
}

const ROUTES: readonly { readonly dialect: DialectCase; readonly stream: boolean }[] = [
  ...DIALECT_CASES.flatMap((dialect) => [
    { dialect, stream: false },
    { dialect, stream: true },
  ]),
  // Counting tokens counts for no limit.
  ...WHOLE_CASES.filter(({ name }) => name !== 'count_tokens').map((dialect) => ({ dialect, stream: false })),
]

const LIMITS = {
  requests: { rpm_limit: 0 },
  tokens: { tpm_limit: 0 },
  max_parallel_requests: { max_parallel_requests: 0 },
  budget: { max_budget: 0 },
} as const

let made = 0

async function manage(path: string, fields: Fields): Promise<Fields> {
  const answer = await gateway.call(path, fields)
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Fields
}

/** A caller of whom one scope has the limits. */
const CALLERS: Readonly<Record<string, (limits: Fields) => Promise<Caller>>> = {
  key: async (limits) => ({ key: await gateway.newKey(limits) }),
  user: async (limits) => {
    const user_id = `user-${(made += 1)}`
    await manage('/user/new', { user_id, auto_create_key: false, ...limits })
    return { key: await gateway.newKey({ user_id }) }
  },
  team: async (limits) => {
    const team_id = `team-${(made += 1)}`
    await manage('/team/new', { team_id, ...limits })
    return { key: await gateway.newKey({ team_id }) }
  },
  organization: async (limits) => {
    const { organization_id } = await manage('/organization/new', {
      organization_alias: `organization-${(made += 1)}`,
      ...limits,
    })
    return { key: await gateway.newKey({ organization_id }) }
  },
  'end user': async (limits) => {
    const user_id = `customer-${(made += 1)}`
    await manage('/customer/new', { user_id, ...limits })
    return { key: await gateway.newKey(), headers: { 'x-litellm-customer-id': user_id } }
  },
  tag: async (limits) => {
    const name = `tag-${(made += 1)}`
    await manage('/tag/new', { name, ...limits })
    return { key: await gateway.newKey(), headers: { 'x-litellm-tags': name } }
  },
}

/** @param ofBudget limits of the members' budget that the team has no field for. */
async function member(limits: Fields, ofBudget?: Fields): Promise<Caller> {
  const [user_id, team_id] = [`member-${(made += 1)}`, `team-${made}`]
  await manage('/user/new', { user_id, auto_create_key: false })
  const { metadata } = await manage('/team/new', {
    team_id,
    members_with_roles: [{ role: 'user', user_id }],
    ...limits,
  })
  const budget_id = Object(metadata).team_member_budget_id
  if (ofBudget !== undefined) await manage('/budget/update', { budget_id, ...ofBudget })
  return { key: await gateway.newKey({ team_id, user_id }) }
}

/** @param ofBudget limits of the member's budget that the membership has no field for. */
async function organizationMember(limits: Fields, ofBudget: Fields = {}): Promise<Caller> {
  const [user_id, organization_id] = [`member-${(made += 1)}`, `organization-${made}`]
  await manage('/user/new', { user_id, auto_create_key: false })
  await manage('/organization/new', { organization_id, organization_alias: organization_id })
  const added = { organization_id, member: { user_id, role: 'internal_user' }, ...limits }
  const { updated_organization_memberships: memberships } = await manage('/organization/member_add', added)
  await manage('/budget/update', { budget_id: Object(memberships)[0].budget_id, ...ofBudget })
  return { key: await gateway.newKey({ organization_id, user_id }) }
}

const MODELS = ['gpt', 'claude']
const ofModels = (limit: unknown): Fields => Object.fromEntries(MODELS.map((model) => [model, limit]))
const budgetOfModels = (limit: Fields): Fields => ({ model_max_budget: ofModels(limit) })

const OTHERS: readonly (readonly [string, string, () => Promise<Caller>])[] = [
  ['budget', 'organization member', () => organizationMember({ max_budget_in_organization: 0 })],
  ['budget', 'team member', () => member({ team_member_budget: 0 })],
  ['requests', 'team member', () => member({ team_member_rpm_limit: 0 })],
  ['tokens', 'team member', () => member({ team_member_tpm_limit: 0 })],
  ...(['key', 'user', 'team', 'organization'] as const).flatMap((owner) => {
    const of = (limits: Fields) => () => CALLERS[owner]!(limits)
    return [
      ['requests', `model of a ${owner}`, of({ model_rpm_limit: ofModels(0) })],
      ['tokens', `model of a ${owner}`, of({ model_tpm_limit: ofModels(0) })],
      ['budget', `model of a ${owner}`, of(budgetOfModels({ budget_limit: 0 }))],
    ] as const
  }),
  ...(['organization', 'organization member', 'end user', 'tag', 'team member'] as const).flatMap((owner) => {
    const of = (limit: Fields) => () => {
      const limits = budgetOfModels(limit)
      if (owner === 'team member') return member({ team_member_budget: 9 }, limits)
      return owner === 'organization member'
        ? organizationMember({ max_budget_in_organization: 9 }, limits)
        : CALLERS[owner]!(limits)
    }
    return [
      ['requests', `model of a ${owner}, by its budget`, of({ rpm_limit: 0 })],
      ['tokens', `model of a ${owner}, by its budget`, of({ tpm_limit: 0 })],
      ['budget', `model of a ${owner}, by its budget`, of({ budget_limit: 0 })],
    ] as const
  }),
  ...(['key', 'team'] as const).map((owner) => {
    const budget_limits = [{ budget_duration: '1d', max_budget: 0 }]
    return ['budget', `window of a ${owner}`, () => CALLERS[owner]!({ budget_limits })] as const
  }),
]

const CASES = [
  ...Object.entries(CALLERS).flatMap(([scope, caller]) =>
    Object.entries(LIMITS).map(([limit, fields]) => [limit, scope, () => caller(fields)] as const),
  ),
  ...OTHERS,
]

describe.each(CASES)('a limit of %s of the %s', (limit, _scope, caller) => {
  test('holds for every route, before a provider is called', async () => {
    const { key, headers } = await caller()
    for (const { dialect, stream } of ROUTES) {
      const answer = await gateway.call(dialect.path, dialect.body('hello', stream), {
        authorization: `Bearer ${key}`,
        ...headers,
      })
      const text = await answer.text()
      expect([dialect.path, answer.status, text]).toEqual([dialect.path, 429, expect.any(String)])
      if (limit === 'budget') expect(text).toContain('Budget has been exceeded!')
      else expect(answer.headers.get('rate_limit_type')).toBe(limit)
    }
    expect(gateway.simulator.meter.entries()).toEqual([])
  })
})
