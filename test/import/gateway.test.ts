/** What a team has after the move: its keys work, its limits hold, and what was spent is what was spent. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { startTestGateway, type TestGateway } from '../running-gateway.ts'
import { importInto, remarksOf } from './imported.ts'
import { LitellmDatabase } from './litellm-database.ts'
import { fillSample, hashOf, KEYS } from './sample-rows.ts'
import type { ImportReport } from '../../src/import/report.ts'

let server: TestPostgresql
let old: LitellmDatabase
let gateway: TestGateway
let report: ImportReport

beforeAll(async () => {
  server = await startPostgresql()
  old = await LitellmDatabase.create(await server.createDatabase())
  await fillSample(old)
  const url = await server.createDatabase()
  report = await importInto(url, old.url)
  gateway = await startTestGateway({ databaseUrl: url })
})

afterAll(async () => {
  await gateway?.stop()
  await old?.close()
  await server?.[Symbol.asyncDispose]()
})

const ask = async (key: string, model = 'gpt'): Promise<Response> =>
  await gateway.call(
    '/v1/chat/completions',
    { model, messages: [{ role: 'user', content: 'Hello' }] },
    { authorization: `Bearer ${key}` },
  )

const get = async (path: string): Promise<Record<string, unknown>> => {
  const answer = await gateway.call(path)
  expect(answer.status, path).toBe(200)
  return (await answer.json()) as Record<string, unknown>
}

describe('keys', () => {
  test('an old key goes on working', async () => {
    expect((await ask(KEYS.ada)).status).toBe(200)
    expect((await ask(KEYS.team, 'fast')).status).toBe(200)
  })

  test.each([
    ['blocked', 401],
    ['expired', 401],
    ['narrow', 403],
  ] as const)('a key that is %s is refused', async (name, status) => {
    expect((await ask(KEYS[name])).status).toBe(status)
  })

  test('a key whose budget was spent is refused before the provider is called', async () => {
    const before = gateway.simulator.meter.totals().calls
    const answer = await ask(KEYS.spent)
    expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([429, 'false'])
    expect(gateway.simulator.meter.totals().calls).toBe(before)
  })

  test('the hash of a key is no key', async () => {
    expect((await ask(hashOf(KEYS.ada))).status).toBe(401)
  })

  test('/key/info tells what LiteLLM told', async () => {
    const { info } = await get(`/key/info?key=${hashOf(KEYS.spent)}`)
    expect(info).toMatchObject({ spend: 0.3, max_budget: 0.3, key_alias: 'spent' })
    const ada = (await get(`/key/info?key=${hashOf(KEYS.ada)}`))['info']
    expect(ada).toMatchObject({
      key_name: 'sk-...eway',
      key_alias: 'ada-laptop',
      user_id: 'ada',
      max_budget: 10,
      budget_duration: '30d',
      budget_reset_at: '2099-01-01T00:00:00.000Z',
      tpm_limit: 100_000,
      aliases: { mine: 'gpt' },
      metadata: { tags: ['prod'] },
      permissions: { get_spend_routes: true },
      rotation_count: 2,
      object_permission: { mcp_servers: ['wiki'] },
      blocked: false,
    })
  })

  test('two keys of one alias stay two keys', async () => {
    const { info } = await get(`/key/info?key=${hashOf(KEYS.narrow)}`)
    expect(info).toMatchObject({ key_alias: `ada-laptop (${hashOf(KEYS.narrow).slice(0, 8)})` })
  })
})

describe('spend', () => {
  test('what each has spent is the float’s shortest decimal text, to the last picodollar', async () => {
    const users = (await (await gateway.call('/spend/users')).json()) as Record<string, unknown>[]
    expect(Object.fromEntries(users.map((user) => [user['user_id'], user['spend']]))).toMatchObject({
      grace: 1e-7,
      twin: 0,
    })
    expect((await get('/team/info?team_id=team-old'))['team_info']).toMatchObject({ spend: 0 })
    expect(await get('/customer/info?end_user_id=customer-1')).toMatchObject({ spend: 2.000000000001 })
    expect(await get('/organization/info?organization_id=org-1')).toMatchObject({ spend: 70.3 })
    const tags = await gateway.call('/tag/info', { names: ['prod'] })
    expect(await tags.json()).toMatchObject({ prod: { spend: 9.99, description: 'production' } })
  })

  test('a call counts on from the old total, in the window that was open', async () => {
    const before = (await get('/team/info?team_id=team-1'))['team_info'] as { spend: number }
    expect((await ask(KEYS.team)).status).toBe(200)
    await expect
      .poll(async () => ((await get('/team/info?team_id=team-1'))['team_info'] as { spend: number }).spend)
      .toBeGreaterThan(before.spend)
    expect((await get('/team/info?team_id=team-1'))['team_info']).toMatchObject({
      budget_reset_at: '2099-01-01T00:00:00.000Z',
    })
  })

  test('a member has spent what counts in the window, and what it spent since ever', async () => {
    const { team_memberships: memberships } = await get('/team/info?team_id=team-1')
    expect(memberships).toContainEqual(
      expect.objectContaining({
        user_id: 'ada',
        litellm_budget_table: expect.objectContaining({ max_budget: 0.5, tpm_limit: 1000 }),
      }),
    )
  })
})

describe('users and teams', () => {
  test('a team has its members, their roles, its aliases and its limits', async () => {
    const { team_info: team } = await get('/team/info?team_id=team-1')
    const { members_with_roles: members, ...rest } = team as {
      members_with_roles: { user_id: string; role: string }[]
    }
    expect(members.map((member) => `${member.user_id}: ${member.role}`).toSorted()).toEqual([
      'ada: user',
      'grace: admin',
      'lin: user',
      'nobody-yet: user',
    ])
    expect(rest).toMatchObject({
      organization_id: 'org-1',
      models: ['gpt', 'claude'],
      model_aliases: { fast: 'gpt' },
      max_budget: 50,
      soft_budget: 40,
      budget_duration: '1mo',
      rpm_limit: 100,
      team_member_permissions: ['/key/generate', '/key/info'],
    })
  })

  test('a team of old, with two lists for its members, has them', async () => {
    const { team_info: team } = await get('/team/info?team_id=team-old')
    expect(team).toMatchObject({ blocked: true, team_member_permissions: ['/key/info', '/key/health'] })
    const { members_with_roles: members } = team as {
      members_with_roles: { user_id: string; role: string }[]
    }
    expect(members.map(({ user_id: id, role }) => `${id}: ${role}`).toSorted()).toEqual([
      'ada: user',
      'grace: admin',
    ])
  })

  test('a user is as it was, and a role that is not known becomes the least', async () => {
    const { user_info: ada } = await get('/user/info?user_id=ada')
    expect(ada).toMatchObject({
      user_email: 'Ada@example.com',
      user_role: 'internal_user',
      max_budget: 20,
      models: ['gpt'],
      metadata: { floor: 3 },
    })
    expect((await get('/user/info?user_id=lin'))['user_info']).toMatchObject({
      user_role: 'internal_user',
      organization_memberships: [{ organization_id: 'org-1', user_role: 'org_admin', budget_id: 'b-member' }],
    })
    expect((await get('/organization/info?organization_id=org-1'))['members']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          user_id: 'lin',
          user_role: 'org_admin',
          spend: 1.5,
          budget_id: 'b-member',
        }),
        expect.objectContaining({ user_id: 'ada', user_role: 'internal_user_viewer', budget_id: null }),
      ]),
    )
    expect((await get('/user/info?user_id=twin'))['user_info']).toMatchObject({
      user_role: 'internal_user_viewer',
      user_email: null,
    })
  })

  test('a blocked customer is refused', async () => {
    const answer = await gateway.call(
      '/v1/chat/completions',
      { model: 'gpt', user: 'customer-2', messages: [{ role: 'user', content: 'Hello' }] },
      { authorization: `Bearer ${KEYS.ada}` },
    )
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(await get('/customer/info?end_user_id=customer-1')).toMatchObject({
      alias: 'Shop',
      litellm_budget_table: { max_budget: 3, budget_duration: '7d' },
    })
  })
})

test('the report names what stayed behind, what is not as it was, and no secret', () => {
  const remarks = remarksOf(report)
  expect(remarks).toEqual(
    expect.arrayContaining([
      'users: litellm-proxy-budget: holds the spend of the whole gateway, which is taken; its budget is litellm_settings.max_budget',
      'users: twin: user_email: another user had it first; left empty',
      'users: lin: user_role org_admin became internal_user',
      'organization members: ada in org-1: user_role (none) became internal_user_viewer',
      'users: ada: password: not taken, as nobody signs in by one yet',
      'team members: left: is no member of the team any more',
      'team members: : its team does not exist',
      'keys: sk-...sion: a session of the dashboard',
      'keys: sk-...shed: its token is no SHA-256: such keys were never hashed',
      'keys: teamless: points at a row that is not here (sluice_virtual_key_team_id_fkey)',
      'keys: ada-laptop: key_alias: another key had it first; the beginning of the hash was added',
    ]),
  )
  const text = JSON.stringify(report)
  for (const secret of [...Object.values(KEYS), 'sk-never-hashed', 'scrypt'])
    expect(text).not.toContain(secret)
})
