import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../../test/databases.ts'
import { managementApi, type ManagementApi } from '../../../test/management-api.ts'
import { Secret } from '../../config/secret.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { hashCredential } from '../../identity/credential.ts'
import { createIdentity, DEFAULT_IDENTITY_SETTINGS, type Identity } from '../../identity/identity.ts'
import { mayUseModel } from '../../identity/model-rights.ts'
import type { Principal } from '../../identity/principal.ts'
import { ROUTE_TABLE } from '../../identity/route-table.ts'

const MASTER = 'sk-master-of-this-test'
const NOW_MS = Date.parse('2026-11-22T12:00:00Z')
const MODELS = ['gpt-4o', 'o1', 'openai/o1', 'openai/gpt-5']

let held: TestDatabase
let identity: Identity
let api: ManagementApi
let serial = 0

beforeAll(async () => {
  held = await migratedDatabase('embedded')
  const clock = () => NOW_MS
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

async function user(fields: Record<string, unknown> = {}): Promise<{ id: string; key: string }> {
  const made = await api.made('/user/new', MASTER, { user_id: `user-${serial++}`, ...fields })
  return { id: String(made['user_id']), key: String(made['key']) }
}

async function keyOf(fields: Record<string, unknown>, maker = MASTER): Promise<string> {
  return String((await api.made('/key/generate', maker, fields))['key'])
}

async function principalOf(key: string): Promise<Principal> {
  return await identity.authenticate({ 'x-api-key': key })
}

describe('a key that a user makes', () => {
  test('belongs to the user, and to nobody else', async () => {
    const [one, other] = [await user(), await user()]
    const made = await api.made('/key/generate', one.key, { user_id: one.id })
    expect(made['user_id']).toBe(one.id)
    expect(await api.post('/key/generate', one.key, { user_id: other.id })).toMatchObject({ status: 403 })
  })

  test('has the models, routes, end and team of the key that made it where the request is silent', async () => {
    const { id } = await user()
    const fields = {
      user_id: id,
      models: ['gpt-4o'],
      allowed_routes: ['llm_api_routes', '/key/generate'],
      duration: '1d',
    }
    const child = await api.made('/key/generate', await keyOf(fields), {})
    expect(child).toMatchObject({
      models: ['gpt-4o'],
      allowed_routes: ['llm_api_routes', '/key/generate'],
      expires: '2026-11-23T12:00:00.000Z',
    })
  })

  test.each([
    [{ models: ['o1'] }, 'models'],
    [{ models: ['*'] }, 'models'],
    [{ models: ['all-team-models'] }, 'models'],
    [{ allowed_routes: ['management_routes'] }, 'allowed_routes'],
    [{ allowed_routes: ['/*'] }, 'allowed_routes'],
    [{ key_type: 'management' }, 'allowed_routes'],
    [{ duration: '2d' }, 'duration'],
  ])('cannot be wider than the key that makes it: %o', async (fields, param) => {
    const { id } = await user()
    const parent = await keyOf({
      user_id: id,
      models: ['gpt-4o'],
      allowed_routes: ['llm_api_routes', '/key/*'],
      duration: '1d',
    })
    const { status, error } = await api.post('/key/generate', parent, fields)
    expect(status).toBe(403)
    expect(error?.param).toBe(param)
  })

  test('cannot be made by a key with limits of its own, for limits would multiply', async () => {
    const { id } = await user()
    for (const limit of [
      { max_budget: 1 },
      { rpm_limit: 1 },
      { model_max_budget: { o1: { budget_limit: 1 } } },
    ]) {
      const parent = await keyOf({ user_id: id, ...limit })
      expect(await api.post('/key/generate', parent, {})).toMatchObject({ status: 403 })
    }
  })

  test('can name only models of the user', async () => {
    const { key } = await user({ models: ['gpt-4o'] })
    expect(await api.post('/key/generate', key, { models: ['o1'] })).toMatchObject({ status: 403 })
    expect(await api.made('/key/generate', key, { models: ['gpt-4o'] })).toMatchObject({ models: ['gpt-4o'] })
  })

  test('takes a field of administrators neither at the top nor inside metadata', async () => {
    const { key } = await user()
    for (const fields of [
      { key: 'sk-my-own-choice' },
      { spend: 100 },
      { permissions: { get_spend_routes: true } },
      { organization_id: 'o' },
      { budget_id: 'b' },
      { config: { model_list: [], x: 1 } },
      { object_permission: { models: ['*'] } },
      { allowed_passthrough_routes: ['/x'] },
      { metadata: { allowed_passthrough_routes: ['/x'] } },
      { metadata: { temp_budget_increase: 100 } },
    ]) {
      expect(await api.post('/key/generate', key, fields)).toMatchObject({ status: 403 })
    }
    const fromDashboard = { config: {}, permissions: {}, spend: 0, key: '', metadata: {}, blocked: false }
    expect((await api.post('/key/generate', key, fromDashboard)).status).toBe(200)
  })

  test('is a team’s only where the team permits it, and leaves the team never', async () => {
    await api.made('/team/new', MASTER, { team_id: 'closed', models: ['gpt-4o'] })
    await api.made('/team/new', MASTER, {
      team_id: 'open',
      models: ['gpt-4o'],
      team_member_permissions: ['/key/generate', '/key/update'],
    })
    const member = await user({ teams: ['closed', 'open'] })
    const stranger = await user()
    expect(await api.post('/key/generate', member.key, { team_id: 'closed' })).toMatchObject({ status: 403 })
    expect(await api.post('/key/generate', stranger.key, { team_id: 'open' })).toMatchObject({ status: 403 })
    expect(await api.post('/key/generate', member.key, { team_id: 'open', models: ['o1'] })).toMatchObject({
      status: 403,
    })
    const ofTeam = await keyOf({ team_id: 'open', models: ['all-team-models'] }, member.key)
    const child = await api.made('/key/generate', ofTeam, {})
    expect(child).toMatchObject({ team_id: 'open', models: ['all-team-models'] })
    const narrow = await keyOf({ team_id: 'open', models: ['gpt-4o'] }, member.key)
    expect(await api.post('/key/generate', narrow, { models: ['all-team-models'] })).toMatchObject({
      status: 403,
    })
    expect(await api.post('/key/generate', ofTeam, { team_id: 'closed' })).toMatchObject({ status: 403 })
    expect(await api.post('/key/update', ofTeam, { key: ofTeam, team_id: null })).toMatchObject({
      status: 403,
    })
    expect(await api.post('/key/update', ofTeam, { key: member.key, key_alias: 'x' })).toMatchObject({
      status: 404,
    })
  })
})

describe('a user', () => {
  test('sees and changes its own keys; for those of others the answer is as for keys that do not exist', async () => {
    const [one, other] = [await user(), await user()]
    const nobody = await api.get('/key/info', one.key, { key: 'sk-nobody' })
    expect(nobody.status).toBe(404)
    expect(await api.get('/key/info', one.key, { key: other.key })).toMatchObject({
      status: 404,
      body: nobody.body,
    })
    for (const path of ['/key/update', '/key/block']) {
      const missing = await api.post(path, one.key, { key: 'sk-nobody' })
      expect(await api.post(path, one.key, { key: other.key })).toMatchObject({
        status: 404,
        body: missing.body,
      })
    }
    const missing = await api.post('/key/delete', one.key, { keys: ['sk-nobody'] })
    expect(await api.post('/key/delete', one.key, { keys: [other.key] })).toMatchObject({
      status: 404,
      body: missing.body,
    })
    expect((await api.get('/key/list', one.key)).body).toMatchObject({ keys: [hashCredential(one.key)] })
    expect(await api.get('/key/list', one.key, { user_id: other.id })).toMatchObject({ status: 403 })
    expect(await api.get('/user/info', one.key, { user_id: other.id })).toMatchObject({ status: 403 })
    expect((await api.get('/user/info', one.key)).body).toMatchObject({ user_id: one.id })
  })

  test('cannot release its blocked key, raise a limit with a limited key, or lift what an administrator set', async () => {
    const { id, key } = await user()
    const limited = await keyOf({
      user_id: id,
      max_budget: 5,
      metadata: { guardrails: ['g'], note: 'n' },
      tags: ['t'],
    })
    await api.made('/key/block', MASTER, { key: limited })
    expect(await api.post('/key/unblock', key, { key: limited })).toMatchObject({ status: 403 })
    expect(await api.post('/key/update', key, { key: limited, blocked: false })).toMatchObject({
      status: 403,
    })
    await api.made('/key/unblock', MASTER, { key: limited })
    for (const raise of [{ max_budget: 6 }, { max_budget: null }, { budget_duration: '1s' }]) {
      expect(await api.post('/key/update', limited, { key: limited, ...raise })).toMatchObject({
        status: 403,
      })
    }
    expect(await api.made('/key/update', limited, { key: limited, max_budget: 4 })).toMatchObject({
      max_budget: 4,
    })
    expect(await api.post('/key/update', key, { key: limited, tags: null })).toMatchObject({ status: 403 })
    expect(
      await api.made('/key/update', key, { key: limited, metadata: { note: 'm', tags: [] } }),
    ).toMatchObject({
      metadata: { note: 'm', guardrails: ['g'], tags: ['t'] },
    })
  })

  test('changes its own display name, and nothing else about users', async () => {
    const { id, key } = await user()
    expect((await api.post('/user/update', key, { user_id: id, user_alias: 'Me' })).status).toBe(200)
    for (const fields of [
      { user_role: 'proxy_admin' },
      { max_budget: 1e6 },
      { models: [] },
      { user_email: 'a@b.c' },
    ]) {
      expect(await api.post('/user/update', key, { user_id: id, ...fields })).toMatchObject({ status: 403 })
    }
    const other = await user()
    expect(await api.post('/user/update', key, { user_id: other.id, user_alias: 'You' })).toMatchObject({
      status: 403,
    })
  })

  test.each(['/user/new', '/user/delete', '/team/new'])('has no right to %s', async (path) => {
    const { key } = await user()
    expect(await api.post(path, key, { user_ids: ['a'] })).toMatchObject({ status: 403 })
  })

  test.each(['internal_user_viewer', 'proxy_admin_viewer'])(
    'with the role %s changes no key',
    async (role) => {
      const { key } = await user({ user_role: role })
      for (const path of ['/key/generate', '/key/update', '/key/delete', '/key/block', '/key/unblock']) {
        expect(await api.post(path, key, { key })).toMatchObject({ status: 403 })
      }
    },
  )

  test('who leads a team may block its keys', async () => {
    const leader = await user()
    await api.made('/team/new', MASTER, { team_id: 'led', admins: [leader.id] })
    const member = await user({ teams: ['led'] })
    const ofTeam = await keyOf({ team_id: 'led', user_id: member.id })
    expect((await api.post('/key/block', leader.key, { key: ofTeam })).status).toBe(200)
    expect((await api.post('/key/unblock', member.key, { key: ofTeam })).status).not.toBe(200)
    await expect(async () => await principalOf(ofTeam)).rejects.toThrow('blocked')
  })
})

test('a viewer for administrators sees all keys, users and teams', async () => {
  const viewer = await user({ user_role: 'proxy_admin_viewer' })
  const other = await user()
  expect((await api.get('/key/info', viewer.key, { key: other.key })).status).toBe(200)
  expect((await api.get('/user/info', viewer.key, { user_id: other.id })).status).toBe(200)
  expect((await api.get('/user/list', viewer.key)).status).toBe(200)
  expect((await api.get('/user/list', other.key)).status).toBe(403)
})

test('an administrator’s key with allowed_routes cannot hand out an administrator’s rights', async () => {
  const admin = await user({ user_role: 'proxy_admin' })
  const limited = await keyOf({ user_id: admin.id, allowed_routes: ['management_routes'] })
  for (const [path, body] of [
    ['/user/new', { user_role: 'proxy_admin' }],
    ['/key/generate', { user_id: admin.id }],
    ['/key/update', { key: limited, allowed_routes: [] }],
    ['/user/update', { user_id: (await user()).id, user_role: 'proxy_admin' }],
    ['/user/delete', { user_ids: [(await user({ user_role: 'proxy_admin' })).id] }],
  ] as const) {
    expect(await api.post(path, limited, body)).toMatchObject({ status: 403 })
  }
  expect((await api.post('/user/new', limited, { user_role: 'internal_user' })).status).toBe(200)
})

/** All that a principal may do, as text that can be compared. */
function rightsOf(principal: Principal): ReadonlySet<string> {
  const rights = new Set<string>()
  for (const model of MODELS) {
    const reached = principal.modelAliases.get(model) ?? model
    if (mayUseModel(principal, model, reached, [])) rights.add(`model ${reached}`)
  }
  for (const { method, path } of ROUTE_TABLE) {
    try {
      identity.authorizeRoute(principal, method, path)
      rights.add(`${method} ${path}`)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
    }
  }
  if (principal.expiresAtMs === undefined || principal.expiresAtMs > NOW_MS + 86_400_000)
    rights.add('lives long')
  return rights
}

const models = fc.subarray(['gpt-4o', 'o1', 'openai/o1', 'openai/*', '*', 'all-team-models'], {
  maxLength: 2,
})
const routes = fc.subarray(
  ['llm_api_routes', 'openai_routes', 'management_routes', '/key/*', '/key/info', '/*'],
  { maxLength: 3 },
)
/** Requests that may succeed: of each field a value that narrows and one that widens, absent as often as not. */
const plausible = fc.record(
  {
    models,
    allowed_routes: routes,
    duration: fc.constantFrom(null, '1h', '9d', '-1'),
    team_id: fc.constantFrom(null, 'of-attacker'),
    aliases: fc.constant({ 'gpt-4o': 'o1' }),
    metadata: fc.constantFrom({}, { allowed_routes: [] }),
  },
  { requiredKeys: [] },
)
const fields = fc.oneof(
  { weight: 8, arbitrary: plausible },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { user_role: 'proxy_admin' },
      { permissions: { get_spend_routes: true } },
      { key_type: 'management' },
      { user_id: 'default_user_id' },
    ),
  },
)
const step = fc.record({
  path: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('/key/generate', '/key/update') },
    { weight: 1, arbitrary: fc.constantFrom('/user/update', '/user/new', '/key/unblock', '/team/new') },
  ),
  caller: fc.nat(20),
  target: fc.nat(20),
  fields,
})
/** A key that may manage keys, for else nothing can be tried with it. */
const begin = fc.record({
  models,
  allowed_routes: fc.constantFrom(
    [],
    ['llm_api_routes', '/key/*'],
    ['management_routes'],
    ['/key/*', '/key/info'],
  ),
  duration: fc.constantFrom(null, '1h'),
  team_id: fc.constantFrom(null, null, 'of-attacker'),
})

test('no sequence of calls raises the rights of who begins with one key', async () => {
  await api.made('/team/new', MASTER, {
    team_id: 'of-attacker',
    models: ['gpt-4o', 'openai/*'],
    team_member_permissions: ['/key/generate', '/key/update'],
  })
  let granted = 0
  await fc.assert(
    fc.asyncProperty(begin, fc.array(step, { minLength: 5, maxLength: 20 }), async (first, steps) => {
      const attacker = await user({ teams: ['of-attacker'] })
      const keys = [await keyOf({ user_id: attacker.id, ...first })]
      await api.made('/key/delete', MASTER, { keys: [attacker.key] })
      const limit = rightsOf(await principalOf(keys[0]!))
      for (const { path, caller, target, fields: sent } of steps) {
        const body = {
          ...sent,
          ...(path === '/key/update' || path === '/key/unblock' ? { key: keys[target % keys.length] } : {}),
          ...(path === '/user/update' ? { user_id: attacker.id } : {}),
        }
        const answer = await api.post(path, keys[caller % keys.length]!, body)
        if (answer.status === 200) granted++
        if (path === '/key/generate' && answer.status === 200) {
          keys.push(String((answer.body as { key: unknown }).key))
        }
      }
      for (const key of keys) {
        const principal = await principalOf(key)
        expect(principal.role).toBe('internal_user')
        expect([...rightsOf(principal)].filter((right) => !limit.has(right))).toEqual([])
      }
    }),
    { numRuns: 120 },
  )
  // A property that nothing is granted in would hold of anything.
  expect(granted).toBeGreaterThan(100)
}, 120_000)
