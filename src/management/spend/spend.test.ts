import { sql } from 'kysely'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CALLER, callEnd, callStart, DEPLOYMENT } from '../../../test/ledger/calls.ts'
import { startPostgresql, type TestPostgresql } from '../../../test/postgresql.ts'
import { NO_USAGE } from '../../dialects/usage.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Principal, Role } from '../../identity/principal.ts'
import { parseDollars, picodollars } from '../../money/picodollars.ts'
import type { CallEnd, CallStart } from '../../record/call-record.ts'
import { rowWithContent, settledRow, startText, type ContentTexts } from '../../spend/call-row.ts'
import type { Database } from '../../storage/database.ts'
import { migrate } from '../../storage/migrate.ts'
import { openDatabase } from '../../storage/open-database.ts'
import { bookCalls } from '../../storage/queries/book-calls.ts'
import { spendRoutes } from './index.ts'

const RAW_KEY = 'sk-one'
const KEY_ONE = createHash('sha256').update(RAW_KEY).digest('hex')
const KEY_TWO = 'b'.repeat(64)
const DAY = '2026-02-03'
const AT = Date.UTC(2026, 1, 3, 12)
const RANGE = { start_date: '2026-02-03 00:00:00', end_date: '2026-02-03 23:59:59' }
const HOUR_MS = 3_600_000

let server: TestPostgresql
let directory: string

beforeAll(async () => {
  server = await startPostgresql()
  directory = mkdtempSync(join(tmpdir(), 'sluice-spend-'))
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

function principal(role: Role, userId: string | undefined, keyHash = KEY_ONE): Principal {
  return {
    kind: 'virtual_key',
    facts: { ...CALLER, userId, keyHash },
    role,
    modelLists: [],
    allowedRoutes: [],
    expiresAtMs: undefined,
    blocked: undefined,
    tags: [],
    modelAliases: new Map(),
    scopes: [],
  }
}

const ADMIN = principal('proxy_admin', undefined, 'admin')
const ONE = principal('internal_user', 'user-1')

function row(change: Partial<CallStart>, end: Partial<CallEnd> = {}, content?: ContentTexts): string {
  const start = callStart({ arrivedAtMs: AT, caller: { ...CALLER, keyHash: KEY_ONE }, ...change })
  const settled = settledRow(startText(start, true), start, callEnd(start, end))
  return content === undefined ? settled : rowWithContent(settled, content)
}

/** What the tests read of the answers, all endpoints together. */
type Answer = Row[] & {
  readonly data: Row[]
  readonly next_cursor: string | null
  readonly results: {
    date: string
    metrics: object
    breakdown: Record<string, Record<string, { metrics: object }>>
  }[]
  readonly metadata: { total_spend: number; has_more: boolean }
}

interface Row {
  readonly request_id: string
  readonly token: string
  readonly user_id: string
  readonly spend: number
  readonly metadata: object
}

/** Five calls: three of user 1, one of them without a team, one of user 2 a day later, and one of a key without user that failed. */
const ROWS = [
  row(
    { callId: 'call-1', sessionId: 'session-1', endUser: 'customer', tags: ['x'] },
    {
      cost: parseDollars('0.5'),
      usage: {
        ...NO_USAGE,
        inputTokens: 10,
        cacheReadTokens: 4,
        cacheWrite5mTokens: 2,
        outputTokens: 5,
        reasoningTokens: 1,
      },
    },
    { request: '{"messages":[{"role":"user","content":"Hi"}]}', response: '{"id":"r"}' },
  ),
  row(
    { callId: 'call-2', caller: { ...CALLER, keyHash: KEY_ONE, teamId: undefined, teamAlias: undefined } },
    { cost: parseDollars('0.25'), endedAtMs: AT + 900, cache: { hit: false, key: 'd'.repeat(64) } },
  ),
  row(
    { callId: 'call-3', arrivedAtMs: AT + HOUR_MS },
    {
      cost: parseDollars('0.125'),
      cache: { hit: true, key: 'd'.repeat(64) },
      deployment: { ...DEPLOYMENT, upstreamModel: 'gpt-6', modelGroup: 'smart', modelId: 'deployment-2' },
    },
  ),
  row(
    {
      callId: 'call-4',
      arrivedAtMs: AT + 24 * HOUR_MS,
      caller: { ...CALLER, keyHash: KEY_TWO, keyAlias: 'second', userId: 'user-2', teamId: 'team-2' },
    },
    { cost: parseDollars('2') },
  ),
  row(
    {
      callId: 'call-5',
      arrivedAtMs: AT + 1,
      caller: {
        ...CALLER,
        keyHash: 'c'.repeat(64),
        keyAlias: undefined,
        userId: undefined,
        teamId: undefined,
        organizationId: undefined,
      },
    },
    {
      ending: 'provider_error',
      httpStatus: 429,
      cost: picodollars(0n),
      usage: undefined,
      error: {
        errorClass: 'RateLimitError',
        httpStatus: 429,
        message: 'Slow down, please',
        provider: 'openai',
      },
    },
  ),
]

describe.each(['postgresql', 'embedded'] as const)('on %s', (kind) => {
  let database: Database

  beforeAll(async () => {
    database = await openDatabase(
      kind === 'embedded' ? { dataDir: join(directory, 'embedded') } : { url: await server.createDatabase() },
    )
    await migrate(database)
    await bookCalls(database, ROWS)
    await sql`insert into sluice_user (user_id, user_role)
      select name, 'internal_user' from unnest(array['user-1', 'user-2', 'user-3']) as name`.execute(
      database.sql,
    )
    await sql`insert into sluice_virtual_key (key_hash, key_name, user_id)
      values (${KEY_ONE}, 'sk-...aaaa', 'user-1'), (${KEY_TWO}, 'sk-...bbbb', 'user-2')`.execute(database.sql)
  })

  afterAll(async () => await database.close())

  async function get(
    path: string,
    query: Record<string, string> = {},
    who = ADMIN,
    params = {},
  ): Promise<Answer> {
    const route = spendRoutes({ database }).find((candidate) => candidate.path === path)
    if (route === undefined) throw new Error(`no route ${path}`)
    const answer = await route.handle({ principal: who, query, params, body: undefined })
    // The tests look at what the shape is: what they read is named in Answer.
    return JSON.parse(JSON.stringify(answer)) as Answer
  }

  async function ids(query: Record<string, string>, who = ADMIN): Promise<string[]> {
    const { data } = await get('/spend/logs/v2', { ...RANGE, end_date: '2026-02-05 00:00:00', ...query }, who)
    return data.map((each) => each.request_id).toSorted()
  }

  test('a call is shown under the names of the SpendLogs table', async () => {
    const { data } = await get('/spend/logs/v2', { ...RANGE, request_id: 'call-1' })
    expect(data).toHaveLength(1)
    expect(data[0]).toMatchObject({
      request_id: 'call-1',
      call_type: 'acompletion',
      api_key: KEY_ONE,
      spend: 0.5,
      total_tokens: 22,
      prompt_tokens: 16,
      completion_tokens: 6,
      startTime: '2026-02-03T12:00:00.000Z',
      endTime: '2026-02-03T12:00:00.100Z',
      completionStartTime: '2026-02-03T12:00:00.050Z',
      request_duration_ms: 100,
      model: 'gpt-5-mini',
      model_id: 'deployment-1',
      model_group: 'fast',
      custom_llm_provider: 'openai',
      api_base: 'https://api.example.com/v1',
      user: 'user-1',
      cache_hit: 'False',
      request_tags: ['x'],
      team_id: 'team-1',
      end_user: 'customer',
      requester_ip_address: '192.0.2.1',
      session_id: 'session-1',
      status: 'success',
      messages: {},
      response: {},
    })
    expect(data[0]?.metadata).toMatchObject({
      user_api_key_alias: 'alias',
      user_api_key_team_alias: 'Team One',
      additional_usage_values: { cache_read_input_tokens: 4, cache_creation_input_tokens: 2 },
      usage_object: { completion_tokens_details: { reasoning_tokens: 1 } },
      error_information: null,
      ending: 'complete',
    })
  })

  test.each([
    ['call-1', 'False', 'Cache OFF'],
    ['call-2', 'False', 'd'.repeat(64)],
    ['call-3', 'True', 'd'.repeat(64)],
  ])('%s tells whether the response cache answered it', async (callId, hit, key) => {
    const { data } = await get('/spend/logs/v2', { ...RANGE, request_id: callId })
    expect(data).toMatchObject([{ cache_hit: hit, cache_key: key }])
  })

  test('a failed call tells its error', async () => {
    const { data } = await get('/spend/logs/v2', { ...RANGE, status_filter: 'failure' })
    expect(data).toMatchObject([
      {
        request_id: 'call-5',
        status: 'failure',
        spend: 0,
        cache_hit: 'None',
        metadata: {
          error_information: { error_code: '429', error_class: 'RateLimitError', llm_provider: 'openai' },
        },
      },
    ])
  })

  test.each([
    [{ api_key: KEY_TWO }, ['call-4']],
    [{ api_key: RAW_KEY }, ['call-1', 'call-2', 'call-3']],
    [{ user_id: 'user-2' }, ['call-4']],
    [{ team_id: 'team-2' }, ['call-4']],
    [{ model: 'gpt-6' }, ['call-3']],
    [{ model: 'smart' }, ['call-3']],
    [{ model_id: 'deployment-2' }, ['call-3']],
    [{ key_alias: 'SECO' }, ['call-4']],
    [{ end_user: 'customer' }, ['call-1']],
    [{ session_id: 'session-1' }, ['call-1']],
    [{ min_spend: '0.25' }, ['call-1', 'call-2', 'call-4']],
    [{ min_spend: '0.2', max_spend: '0.3' }, ['call-2']],
    [{ error_code: '429' }, ['call-5']],
    [{ error_message: 'slow DOWN' }, ['call-5']],
    [{ status_filter: 'success', user_id: '' }, ['call-1', 'call-2', 'call-3', 'call-4']],
    [{ end_date: '2026-02-03' }, ['call-1', 'call-2', 'call-3', 'call-5']],
    [{ start_date: '2026-02-03T12:30:00Z', end_date: '2026-02-03 13:00:00' }, ['call-3']],
  ])('the filter %j is kept', async (query, expected) => {
    expect(await ids(query)).toEqual(expected)
  })

  test.each([
    ['spend', ['call-4', 'call-1', 'call-2', 'call-3', 'call-5']],
    ['request_duration_ms', 'call-2'],
    ['total_tokens', 'call-1'],
    ['model', 'call-3'],
    ['endTime', 'call-4'],
    ['ttft_ms', undefined],
    ['startTime', ['call-4', 'call-3', 'call-5', 'call-2', 'call-1']],
  ])('calls are sorted by %s', async (sort_by, expected) => {
    const { data } = await get('/spend/logs/v2', { ...RANGE, end_date: '2026-02-05', sort_by })
    const found = data.map((each) => each.request_id)
    if (Array.isArray(expected)) expect(found).toEqual(expected)
    else if (expected === undefined) expect(found).toHaveLength(5)
    else expect(found[0]).toBe(expected)
  })

  test('pages and cursors give every call once, in either direction', async () => {
    for (const sort_order of ['asc', 'desc']) {
      const query = { ...RANGE, end_date: '2026-02-05', page_size: '2', sort_order }
      const first = await get('/spend/logs/ui', query)
      expect(first).toMatchObject({ total: 5, total_is_exact: true, page: 1, page_size: 2, total_pages: 3 })
      const pages = [
        first,
        await get('/spend/logs/ui', { ...query, page: '2' }),
        await get('/spend/logs/ui', { ...query, page: '3' }),
      ]
      const byPage = pages.flatMap((page) => page.data.map((each) => each.request_id))
      expect(new Set(byPage).size).toBe(5)
      const byCursor: string[] = []
      let cursor: string | undefined = ''
      while (cursor !== undefined) {
        const page: Answer = await get('/spend/logs/v2', {
          ...query,
          cursor,
        })
        byCursor.push(...page.data.map((each) => each.request_id))
        cursor = page.next_cursor ?? undefined
      }
      expect(byCursor).toEqual(byPage)
    }
  })

  test.each([
    [{}, 'start_date'],
    [{ start_date: '2026-02-03', end_date: 'yesterday' }, 'end_date'],
    [{ start_date: '2026-02-30', end_date: '2026-03-01' }, 'start_date'],
    [{ ...RANGE, page_size: '101' }, 'page_size'],
    [{ ...RANGE, page: '0' }, 'page'],
    [{ ...RANGE, sort_by: 'picodollars; drop table' }, 'sort_by'],
    [{ ...RANGE, min_spend: 'much' }, 'min_spend'],
    [{ ...RANGE, cursor: 'made-up' }, 'cursor'],
    [{ ...RANGE, cursor: 'MSBh', sort_by: 'spend' }, 'cursor'],
  ])('the query %j is refused, by the name of the field at fault', async (query, param) => {
    const error: unknown = await get('/spend/logs/v2', query).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(GatewayError)
    expect(error).toMatchObject({ status: 400, param })
    expect(String(error)).toMatch(/expected|Invalid/)
  })

  test('one call is shown with its prompt and its answer', async () => {
    const path = '/spend/logs/ui/:request_id'
    const call = await get(path, { start_date: '2026-02-03 12:00:00' }, ONE, { request_id: 'call-1' })
    expect(call).toMatchObject({
      request_id: 'call-1',
      messages: [{ role: 'user', content: 'Hi' }],
      proxy_server_request: { messages: [{ role: 'user', content: 'Hi' }] },
      response: { id: 'r' },
    })
    expect(await get(path, {}, ADMIN, { request_id: 'call-2' })).toMatchObject({ messages: {}, response: {} })
    await expect(get(path, {}, ONE, { request_id: 'call-4' })).rejects.toMatchObject({ status: 404 })
    expect(await get('/spend/logs', { request_id: 'call-1' }, ONE)).toEqual([call])
    expect(await get('/spend/logs', { request_id: 'call-4' }, ONE)).toEqual([])
    for (const row of await get('/spend/logs', {}, ONE))
      expect(row).toMatchObject({ messages: {}, response: {} })
  })

  test('everyone but administrators and their viewers sees their own calls only', async () => {
    const own = ['call-1', 'call-2', 'call-3']
    expect(await ids({}, ONE)).toEqual(own)
    expect(await ids({ user_id: 'user-1' }, ONE)).toEqual(own)
    expect(await ids({ api_key: KEY_TWO }, ONE)).toEqual([])
    expect(await ids({}, principal('internal_user_viewer', 'user-2', KEY_TWO))).toEqual(['call-4'])
    expect(await ids({}, principal('proxy_admin_viewer', 'user-9'))).toHaveLength(5)
    const keyOnly = principal('internal_user', undefined, 'c'.repeat(64))
    expect(await ids({}, keyOnly)).toEqual(['call-5'])
    await expect(ids({ user_id: 'user-2' }, ONE)).rejects.toMatchObject({ status: 403 })
    await expect(ids({ api_key: KEY_TWO }, keyOnly)).rejects.toMatchObject({ status: 403 })
    await expect(
      get('/user/daily/activity', { start_date: DAY, end_date: DAY, user_id: 'user-2' }, ONE),
    ).rejects.toMatchObject({ status: 403 })
    expect(await get('/spend/logs', {}, ONE)).toHaveLength(3)
    expect(await get('/spend/keys', {}, ONE)).toMatchObject([{ token: KEY_ONE }])
    expect(await get('/spend/users', {}, ONE)).toMatchObject([{ user_id: 'user-1' }])
    expect(await get('/spend/users', {}, keyOnly)).toEqual([])
  })

  test('a range of days gives a sum for each of them', async () => {
    const days = await get('/spend/logs', { start_date: '2026-02-02', end_date: '2026-02-04' })
    expect(days).toEqual([
      { startTime: '2026-02-02', spend: 0, users: {}, models: {} },
      {
        startTime: DAY,
        spend: 0.875,
        users: { 'user-1': 0.875, '': 0 },
        models: { 'gpt-5-mini': 0.75, 'gpt-6': 0.125 },
        [KEY_ONE]: 0.875,
        ['c'.repeat(64)]: 0,
      },
      {
        startTime: '2026-02-04',
        spend: 2,
        users: { 'user-2': 2 },
        models: { 'gpt-5-mini': 2 },
        [KEY_TWO]: 2,
      },
    ])
    const own = await get('/spend/logs', { start_date: '2026-02-02', end_date: '2026-02-04' }, ONE)
    expect(own.map((day) => day.spend)).toEqual([0, 0.875, 0])
  })

  test('without summary, or by id, calls are given', async () => {
    const query = { start_date: DAY, end_date: DAY }
    expect(await get('/spend/logs', { ...query, summarize: 'false' })).toHaveLength(4)
    expect(await get('/spend/logs', { request_id: 'call-2' })).toMatchObject([
      { request_id: 'call-2', spend: 0.25 },
    ])
    expect(await get('/spend/logs', { api_key: RAW_KEY })).toHaveLength(3)
    await expect(get('/spend/logs', { start_date: DAY })).rejects.toMatchObject({ status: 400 })
    await expect(get('/spend/logs', { start_date: '0001-01-01', end_date: DAY })).rejects.toMatchObject({
      param: 'end_date',
    })
  })

  test('keys are listed by what they spent, users by what their personal keys spent', async () => {
    const keys = await get('/spend/keys')
    expect(keys.map((key) => [key.token, key.spend])).toEqual([
      [KEY_TWO, 2],
      [KEY_ONE, 0.875],
    ])
    const users = await get('/spend/users')
    expect(users.map((user) => [user.user_id, user.spend])).toEqual([
      ['user-1', 0.25],
      ['user-2', 0],
      ['user-3', 0],
    ])
    expect(await get('/spend/users', { user_id: 'user-1' })).toMatchObject([
      { user_id: 'user-1', spend: 0.25 },
    ])
  })

  test('activity is shown by day, newest first, broken down by model, provider, endpoint and key', async () => {
    const answer = await get('/user/daily/activity', { start_date: '2026-02-01', end_date: '2026-02-28' })
    expect(answer.metadata).toEqual({
      total_spend: 2.875,
      total_prompt_tokens: 46,
      total_completion_tokens: 21,
      total_tokens: 67,
      total_api_requests: 5,
      total_successful_requests: 4,
      total_failed_requests: 1,
      total_cache_read_input_tokens: 4,
      total_cache_creation_input_tokens: 2,
      page: 1,
      total_pages: 1,
      has_more: false,
    })
    expect(answer.results.map((day) => day.date)).toEqual(['2026-02-04', DAY])
    const day = answer.results[1]
    if (day === undefined) throw new Error('no such day')
    expect(day.metrics).toEqual({
      spend: 0.875,
      prompt_tokens: 36,
      completion_tokens: 16,
      cache_read_input_tokens: 4,
      cache_creation_input_tokens: 2,
      total_tokens: 52,
      successful_requests: 3,
      failed_requests: 1,
      api_requests: 4,
    })
    expect(day.breakdown['models']?.['gpt-6']).toMatchObject({
      metrics: { spend: 0.125, api_requests: 1 },
      metadata: {},
      api_key_breakdown: {
        [KEY_ONE]: { metrics: { spend: 0.125 }, metadata: { key_alias: 'alias', team_id: 'team-1' } },
      },
    })
    expect(Object.keys(day.breakdown['model_groups'] ?? {}).toSorted()).toEqual(['fast', 'smart'])
    expect(Object.keys(day.breakdown['providers'] ?? {})).toEqual(['openai'])
    expect(Object.keys(day.breakdown['endpoints'] ?? {})).toEqual(['/v1/chat/completions'])
    expect(Object.keys(day.breakdown['entities'] ?? {})).toEqual(['user-1'])
    expect(day.breakdown['api_keys']?.[KEY_ONE]?.metrics).toMatchObject({ spend: 0.875 })
  })

  test('activity has pages of days, and filters', async () => {
    const range = { start_date: '2026-02-01', end_date: '2026-02-28' }
    const path = '/user/daily/activity'
    const first = await get(path, { ...range, page_size: '1' })
    expect(first.results.map((day) => day.date)).toEqual(['2026-02-04'])
    expect(first.metadata).toMatchObject({ total_pages: 2, has_more: true, total_spend: 2.875 })
    const second = await get(path, { ...range, page_size: '1', page: '2' })
    expect(second.results.map((day) => day.date)).toEqual([DAY])
    expect(second.metadata.has_more).toBe(false)
    expect((await get(path, { ...range, model: 'gpt-6' })).metadata.total_spend).toBe(0.125)
    expect((await get(path, { ...range, user_id: 'user-2' })).metadata.total_spend).toBe(2)
    expect((await get(path, range, ONE)).metadata.total_spend).toBe(0.875)
    expect((await get(path, { start_date: DAY, end_date: DAY, timezone: '480' })).metadata.total_spend).toBe(
      2.875,
    )
    await expect(get(path, { start_date: DAY })).rejects.toMatchObject({ status: 400, param: 'end_date' })
    await expect(get(path, { start_date: 'x', end_date: DAY })).rejects.toMatchObject({ param: 'start_date' })
  })

  test('of many calls the latest thousand are given, each once, latest first', async () => {
    const caller = { ...CALLER, keyHash: 'e'.repeat(64) }
    const began = AT - 400 * HOUR_MS
    // A hundred calls a millisecond.
    const rows = Array.from({ length: 1_050 }, (_, index) =>
      row({
        callId: `many-${String(index).padStart(4, '0')}`,
        caller,
        arrivedAtMs: began + Math.floor(index / 100),
      }),
    )
    for (let start = 0; start < rows.length; start += 350)
      await bookCalls(database, rows.slice(start, start + 350))
    const given = await get('/spend/logs', { api_key: caller.keyHash })
    const wanted = Array.from(
      { length: 1_000 },
      (_, index) => `many-${String(1_049 - index).padStart(4, '0')}`,
    )
    expect(given.map((each) => each.request_id)).toEqual(wanted)
  })
})
