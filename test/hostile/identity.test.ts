import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROLES, type Role } from '../../src/identity/principal.ts'
import { ROUTE_TABLE } from '../../src/identity/route-table.ts'
import { MASTER_KEY, startTestGateway, type TestGateway } from '../running-gateway.ts'
import { exchange } from './raw-connection.ts'

interface Caller {
  readonly userId: string
  readonly key: string
}

let gateway: TestGateway
const callers = new Map<Role, Caller>()

beforeAll(async () => {
  gateway = await startTestGateway()
  for (const role of ROLES) callers.set(role, await newUser({ user_role: role }))
})

afterAll(async () => await gateway.stop())

async function newUser(fields: Record<string, unknown>): Promise<Caller> {
  const made = (await (await gateway.call('/user/new', fields)).json()) as { user_id: string; key: string }
  return { userId: made.user_id, key: made.key }
}

function callerOf(role: Role): Caller {
  const caller = callers.get(role)
  if (caller === undefined) throw new Error(role)
  return caller
}

/** Routes that are not there until the configuration asks for them. */
const SWITCHED_OFF: ReadonlySet<string> = new Set(['/health/drain'])

/** Administrators' own keys are refused there, whatever their role. */
const MASTER_KEY_ONLY = '/global/spend/reset'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const as = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` })

describe('a wrong key', () => {
  /** Head and body of an answer, without what names the request. */
  async function answerTo(credential: string, requestLine: string): Promise<string> {
    const bytes = `${requestLine} HTTP/1.1\r\nHost: g\r\n${credential}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`
    const answer = await exchange(gateway.url, bytes)
    expect(answer?.status).toBe(401)
    return `${answer?.head}\n${answer?.body}`
      .replace(/^date: .*$/im, '')
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'ID')
  }

  test.each([
    'POST /v1/chat/completions',
    'POST /v1/messages',
    'POST /v1/responses',
    'GET /v1/models',
    'POST /key/generate',
    'GET /key/list',
  ])('gets one answer on %s, byte for byte, whatever is wrong with it', async (requestLine) => {
    const deleted = await gateway.newKey()
    await gateway.call('/key/delete', { keys: [deleted] })
    const known = callerOf('internal_user').key
    const wrong = [
      'sk-unknown',
      deleted,
      sha256(known),
      `sk-${sha256(known)}`,
      sha256(MASTER_KEY),
      sha256(deleted),
      known.toUpperCase(),
      known.slice(0, -1),
      `${known}x`,
      `${MASTER_KEY}x`,
      MASTER_KEY.slice(0, -1),
      'not-a-key',
      'null',
      'undefined',
      '[object Object]',
      'sk-',
      `sk-${'x'.repeat(10_000)}`,
      "sk-' or '1'='1",
      'sk-%',
      'sk-\xe9\xff',
      'litellm_proxy_master_key',
      sha256('litellm_proxy_master_key'),
    ]
    const answers = new Set<string>()
    for (const key of wrong) answers.add(await answerTo(`Authorization: Bearer ${key}`, requestLine))
    answers.add(await answerTo('x-api-key: sk-unknown', requestLine))
    answers.add(await answerTo('x-goog-api-key: nothing', requestLine))
    answers.add(await answerTo('Authorization: Basic dXNlcjpwYXNz', requestLine))
    expect([...answers].slice(1)).toEqual([])
    expect([...answers][0]).not.toMatch(/[0-9a-f]{64}|Verification|sk-[a-z0-9]/)
  })

  test('that is repeated a thousand times leaves no row and no series', async () => {
    const rows = async () =>
      await sql<{ n: bigint }>`select count(*) as n from sluice_call_log`.execute(
        gateway.gateway.database.sql,
      )
    const before = await rows()
    const attack = async (from: number): Promise<void> => {
      for (let index = 0; index < 100; index++) {
        const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
          method: 'POST',
          headers: as(`sk-${from}-${index}`),
          body: '{"model":"gpt"}',
        })
        await answer.arrayBuffer()
        if (answer.status !== 401) throw new Error(String(answer.status))
      }
    }
    await Promise.all(Array.from({ length: 10 }, async (_, index) => await attack(index)))
    expect(await rows()).toEqual(before)
    const metrics = await (await gateway.call('/metrics')).text()
    expect(metrics).not.toMatch(/sk-\d+-\d+/)
  })
})

describe('the table of routes', () => {
  test('is what decides, for each role on each route and method', async () => {
    for (const role of ROLES) {
      const { key } = callerOf(role)
      for (const path of new Set(ROUTE_TABLE.map((entry) => entry.path))) {
        for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']) {
          const entry = ROUTE_TABLE.find(
            (each) => each.path === path && each.method === (method === 'HEAD' ? 'GET' : method),
          )
          const answer = await fetch(gateway.url + path.replaceAll(/:\w+/g, 'x'), {
            method,
            headers: { ...as(key), 'content-type': 'application/json' },
            ...(method === 'GET' || method === 'HEAD' ? {} : { body: '[]' }),
          })
          const text = await answer.text()
          const told = [role, method, path, answer.status]
          if (entry === undefined || SWITCHED_OFF.has(path)) expect(told).toEqual([role, method, path, 404])
          else if (entry.access !== 'public' && !entry.access.includes(role)) {
            const refused = path.startsWith('/metrics') ? 401 : 403
            expect(told).toEqual([role, method, path, refused])
          } else {
            if (path === MASTER_KEY_ONLY) {
              expect(told).toEqual([role, method, path, 403])
              continue
            }
            expect([401, 403, 500]).not.toContain(answer.status)
            expect(text).not.toContain('may not call')
          }
        }
      }
    }
  })

  test('holds for a request without a key: only public routes answer', async () => {
    for (const { method, path, access } of ROUTE_TABLE) {
      const answer = await fetch(gateway.url + path.replaceAll(/:\w+/g, 'x'), {
        method,
        ...(method === 'POST' ? { body: '{}', headers: { 'content-type': 'application/json' } } : {}),
      })
      await answer.arrayBuffer()
      // A WebSocket is refused to everybody, before anybody is asked for.
      const expected = SWITCHED_OFF.has(path)
        ? 404
        : access === 'public'
          ? 200
          : method === 'GET' && path.endsWith('/responses')
            ? 426
            : 401
      expect([method, path, answer.status]).toEqual([method, path, expected])
    }
  })
})

describe('a member that a request should not have', () => {
  /** Everything by which a caller might try to rise. */
  const GREEDY: readonly (readonly [string, unknown])[] = [
    ['user_role', 'proxy_admin'],
    ['role', 'proxy_admin'],
    ['is_admin', true],
    ['models', ['*']],
    ['models', []],
    ['max_budget', 1_000_000],
    ['max_budget', null],
    ['spend', -1000],
    ['spend', 0],
    ['blocked', false],
    ['permissions', { get_spend_routes: true }],
    ['allowed_routes', ['*']],
    ['allowed_routes', ['/user/new']],
    ['allowed_routes', []],
    ['key_type', 'management'],
    ['teams', ['a-team']],
    ['team_id', 'a-team'],
    ['organization_id', 'an-organization'],
    ['metadata', { user_role: 'proxy_admin', model_rpm_limit: {}, temp_budget_increase: 100 }],
    ['duration', null],
    ['expires', null],
    ['token', 'x'],
    ['key', 'sk-a-key-of-my-own-choice'],
    ['aliases', { 'sim-claude': 'claude' }],
    ['config', { model_list: [] }],
    ['__proto__', { user_role: 'proxy_admin' }],
    ['budget_id', 'a-budget'],
    ['object_permission', {}],
  ]

  test.each(['internal_user', 'internal_user_viewer', 'proxy_admin_viewer'] as const)(
    'raises nothing of a %s, on any route that takes one',
    async (role) => {
      const caller = callerOf(role)
      const bounded = await gateway.newKey({
        user_id: caller.userId,
        models: ['gpt'],
        allowed_routes: ['llm_api_routes', 'key_management_routes', '/user/update', 'info_routes'],
        max_budget: 1,
      })
      const target = fc.constantFrom(
        '/key/generate',
        '/key/update',
        '/user/update',
        '/user/new',
        '/team/new',
        '/key/unblock',
      )
      await fc.assert(
        fc.asyncProperty(
          target,
          fc.subarray([...GREEDY], { minLength: 1, maxLength: 3 }),
          async (path, fields) => {
            const own = path === '/key/update' || path === '/key/unblock' ? { key: bounded } : {}
            const user = path.startsWith('/user') ? { user_id: caller.userId } : {}
            const body = `{${[...Object.entries({ ...own, ...user }), ...fields].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`
            const answer = await fetch(gateway.url + path, { method: 'POST', body, headers: as(bounded) })
            const text = await answer.text()
            expect(answer.status).not.toBe(500)
            await expectBounded(bounded, caller, role)
            if (answer.status !== 200 || path !== '/key/generate') return
            const made = JSON.parse(text) as { key: string }
            await expectBounded(made.key, caller, role)
          },
        ),
        { numRuns: 120 },
      )
    },
    60_000,
  )

  async function expectBounded(key: string, caller: Caller, role: Role): Promise<void> {
    const { info } = (await (await gateway.call(`/key/info?key=${key}`)).json()) as {
      info: Record<string, unknown>
    }
    expect(info['models']).toEqual(['gpt'])
    expect(info['allowed_routes']).toHaveLength(4)
    expect(info['max_budget']).toBeLessThanOrEqual(1)
    expect(info['user_id']).toBe(caller.userId)
    expect(info['team_id']).toBeNull()
    const user = (await (await gateway.call(`/user/info?user_id=${caller.userId}`)).json()) as {
      user_info: Record<string, unknown>
    }
    expect(user.user_info).toMatchObject({ user_role: role, max_budget: null, spend: 0 })
  }
})

describe('a filter', () => {
  const HOSTILE = [
    "' or '1'='1",
    "'; drop table sluice_user; --",
    '%',
    '_',
    '\\',
    '%%',
    '*',
    '.*',
    '$1',
    '{"a":1}',
    "') or true --",
    '\u202e',
    '\u{1F600}',
    '\u0130',
    '"',
    '\ufffd',
    "e'\\x27",
  ]

  test('matches its text and nothing else, whatever characters it has', async () => {
    const viewer = callerOf('proxy_admin_viewer').key
    for (const text of HOSTILE) {
      const value = encodeURIComponent(text)
      for (const [path, rowsAt] of [
        [`/key/list?key_alias=${value}`, 'keys'],
        [`/key/list?user_id=${value}`, 'keys'],
        [`/key/list?team_id=${value}`, 'keys'],
        [`/key/list?key_hash=${value}`, 'keys'],
        [`/user/list?user_email=${value}`, 'users'],
        [`/user/list?user_ids=${value}`, 'users'],
        [`/user/list?team=${value}`, 'users'],
        [`/spend/logs/v2?start_date=2020-01-01&end_date=2099-01-01&key_alias=${value}`, 'data'],
        [`/spend/logs/v2?start_date=2020-01-01&end_date=2099-01-01&model=${value}`, 'data'],
        [`/spend/logs/v2?start_date=2020-01-01&end_date=2099-01-01&user_id=${value}`, 'data'],
      ] as const) {
        const answer = await gateway.call(path, undefined, as(viewer))
        const body = (await answer.json()) as Record<string, unknown>
        expect([path, answer.status, body[rowsAt]]).toEqual([path, 200, []])
      }
    }
  })

  test('for a part of a text knows no wildcards', async () => {
    await gateway.call('/v1/chat/completions', { model: 'no-such-model' })
    const found = async (part: string): Promise<number> => {
      const range = 'start_date=2020-01-01&end_date=2099-01-01'
      const path = `/spend/logs/v2?${range}&error_message=${encodeURIComponent(part)}`
      return ((await (await gateway.call(path)).json()) as { data: unknown[] }).data.length
    }
    await expect.poll(async () => await found('model=no-such-model'), { timeout: 10_000 }).toBe(1)
    for (const part of ['model=no%model', 'model=no_such_model', 'model=no.*model', '%no-such-model%'])
      expect(await found(part)).toBe(0)
  })

  test('of a member never reaches what others own', async () => {
    const [one, other] = [await newUser({}), await newUser({ user_email: 'other@example.com' })]
    const otherHash = sha256(other.key)
    for (const path of [
      `/key/info?key=${otherHash}`,
      `/key/info?key=${other.key}`,
      `/key/list?user_id=${other.userId}`,
      `/key/list?key_hash=${otherHash}&return_full_object=true`,
      `/key/list?include_team_keys=true`,
      `/user/info?user_id=${other.userId}`,
      `/user/list?user_ids=${other.userId}`,
      `/spend/logs?user_id=${other.userId}`,
      `/spend/logs?api_key=${otherHash}`,
      `/user/daily/activity?user_id=${other.userId}&start_date=2020-01-01&end_date=2099-01-01`,
      '/spend/keys',
      '/spend/users',
    ]) {
      const text = await (await gateway.call(path, undefined, as(one.key))).text()
      expect(text).not.toContain('other@example.com')
      expect([path, text.replaceAll(`${path.split('=')[1]}`, '')]).toEqual([
        path,
        expect.not.stringContaining(otherHash),
      ])
    }
  })

  test('that orders by what is no column is refused', async () => {
    for (const sort of ['key_hash;select 1', '1', "created_at' --", 'constructor', '__proto__', 'toString']) {
      const value = encodeURIComponent(sort)
      expect((await gateway.call(`/key/list?sort_by=${value}`)).status).toBe(400)
      expect((await gateway.call(`/user/list?sort_by=${value}`)).status).toBe(400)
      expect(
        (await gateway.call(`/spend/logs/v2?start_date=2020-01-01&end_date=2099-01-01&sort_by=${value}`))
          .status,
      ).toBe(400)
    }
  })
})

test('ids of any Unicode are kept and found exactly, and none stands for another', async () => {
  const ids = [
    'ädmin',
    'a\u0308dmin',
    'ＡＤＭＩＮ',
    '\u202eadmin',
    'admin\u200b',
    '🔑',
    "o'neill",
    'a b',
    '../admin',
    'a%2fb',
    '<script>',
    'a\nb',
    'a\tb',
  ]
  for (const id of ids)
    expect([id, (await gateway.call('/user/new', { user_id: id })).status]).toEqual([id, 200])
  for (const id of ids) {
    const found = (await (await gateway.call(`/user/info?user_id=${encodeURIComponent(id)}`)).json()) as {
      user_id: string
      keys: unknown[]
    }
    expect(found.user_id).toBe(id)
    expect(found.keys).toHaveLength(1)
  }
})
