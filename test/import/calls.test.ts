/** The call log of the old gateway: taken by choice, once, and never into the totals. */
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { startTestGateway, type TestGateway } from '../running-gateway.ts'
import { countsOf, importInto } from './imported.ts'
import { LitellmDatabase } from './litellm-database.ts'
import { fillSample, hashOf, KEYS } from './sample-rows.ts'

const CALLS = [
  {
    request_id: 'call-1',
    call_type: 'acompletion',
    api_key: hashOf(KEYS.ada),
    spend: 0.1,
    prompt_tokens: 100,
    completion_tokens: 50,
    total_tokens: 150,
    startTime: '2026-11-01T10:00:00.123',
    endTime: '2026-11-01T10:00:02.5',
    completionStartTime: '2026-11-01T10:00:01',
    model: 'gpt-5.5',
    model_group: 'gpt',
    model_id: 'gpt-1',
    custom_llm_provider: 'openai',
    user: 'ada',
    status: 'success',
    cache_hit: 'False',
    request_tags: ['prod', 'nightly'],
    end_user: 'customer-1',
    session_id: 'session-1',
    metadata: {
      user_api_key_alias: 'ada-laptop',
      user_agent: 'openai-python/1.0 sk-in-a-user-agent',
      spend_logs_metadata: { project: 'x' },
      usage_object: { completion_tokens_details: { reasoning_tokens: 20 } },
      additional_usage_values: { cache_read_input_tokens: 60, cache_creation_input_tokens: 10 },
    },
    messages: [{ role: 'user', content: 'a prompt with sk-a-key-in-a-prompt' }],
    response: JSON.stringify({ choices: [{ message: { content: 'words '.repeat(500) } }] }),
  },
  {
    request_id: 'call-2',
    call_type: 'anthropic_messages',
    api_key: hashOf(KEYS.ada),
    spend: 0.2,
    prompt_tokens: 10,
    completion_tokens: 5,
    startTime: '2026-11-02T23:59:59.999',
    endTime: '2026-11-03T00:00:01',
    model: 'claude',
    user: 'ada',
    status: 'success',
    proxy_server_request: { model: 'claude', messages: [{ role: 'user', content: 'with the-known-secret' }] },
  },
  {
    request_id: 'call-3',
    call_type: 'acompletion',
    api_key: 'sk-a-wrong-key-that-somebody-sent',
    startTime: '2026-11-03T08:00:00',
    endTime: '2026-11-03T08:00:00',
    model: 'gpt',
    status: 'failure',
    metadata: {
      error_information: {
        error_code: '429',
        error_class: 'RateLimitError',
        llm_provider: 'openai',
        error_message: 'too many requests for sk-provider-key-in-a-message',
      },
    },
  },
]

let server: TestPostgresql
let old: LitellmDatabase
let url: string

beforeAll(async () => {
  server = await startPostgresql()
})

afterAll(async () => await server?.[Symbol.asyncDispose]())

beforeEach(async () => {
  old = await LitellmDatabase.create(await server.createDatabase())
  await fillSample(old)
  await old.insert('LiteLLM_SpendLogs', CALLS)
  url = await server.createDatabase()
})

afterEach(async () => await old.close())

test('calls are taken once, from a moment on, and counted in a dry run too', async () => {
  const sinceMs = Date.parse('2026-11-02')
  const some = { calls: { sinceMs, contents: false } }
  const all = { calls: { sinceMs: undefined, contents: false } }
  expect(countsOf(await importInto(url, old.url, { ...some, dryRun: true }))['calls']).toBe(
    '2: 2 new, 0 changed, 0 same, 0 skipped',
  )
  expect(countsOf(await importInto(url, old.url, some))['calls']).toBe(
    '2: 2 new, 0 changed, 0 same, 0 skipped',
  )
  expect(countsOf(await importInto(url, old.url, { ...all, dryRun: true }))['calls']).toBe(
    '3: 1 new, 0 changed, 2 same, 0 skipped',
  )
  expect(countsOf(await importInto(url, old.url, all))['calls']).toBe(
    '3: 1 new, 0 changed, 2 same, 0 skipped',
  )
  expect(countsOf(await importInto(url, old.url, all))['calls']).toBe(
    '3: 0 new, 0 changed, 3 same, 0 skipped',
  )
})

test('without the choice no call is taken, and the report says how', async () => {
  const report = await importInto(url, old.url)
  expect(report.notTaken).toContainEqual({
    table: 'LiteLLM_SpendLogs',
    reason: '--spend-logs takes calls too, --prompts their prompts and answers',
  })
})

test('prompts and answers come by choice, once, for calls that were taken before too', async () => {
  await importInto(url, old.url, { calls: { sinceMs: Date.parse('2026-11-02'), contents: false } })
  const redact = (text: string): string => text.replaceAll('the-known-secret', '[redacted]')
  const all = { calls: { sinceMs: undefined, contents: true }, redact }
  expect(countsOf(await importInto(url, old.url, { ...all, dryRun: true }))).toMatchObject({
    calls: '3: 1 new, 0 changed, 2 same, 0 skipped',
    'prompts and answers': '2: 2 new, 0 changed, 0 same, 0 skipped',
  })
  expect(countsOf(await importInto(url, old.url, all))).toMatchObject({
    calls: '3: 1 new, 0 changed, 2 same, 0 skipped',
    'prompts and answers': '2: 2 new, 0 changed, 0 same, 0 skipped',
  })
  expect(countsOf(await importInto(url, old.url, all))['prompts and answers']).toBe(
    '2: 0 new, 0 changed, 2 same, 0 skipped',
  )
  const gateway = await startTestGateway({ databaseUrl: url })
  try {
    const content = async (id: string, day: string): Promise<unknown> =>
      await (await gateway.call(`/spend/logs/ui/${id}?start_date=${day}%2000:00:00`)).json()
    const first = await content('call-1', '2026-11-01')
    expect(first).toMatchObject({
      messages: [{ role: 'user', content: expect.stringMatching(/^a prompt with (?!sk-)/) as string }],
    })
    // As long as those of our own calls, and no longer.
    expect(JSON.stringify(first)).toContain('litellm_truncated 2000 chars')
    const second = JSON.stringify(await content('call-2', '2026-11-02'))
    expect(second).toContain('with [redacted]')
  } finally {
    await gateway.stop()
  }
})

describe('in the gateway', () => {
  let gateway: TestGateway

  beforeEach(async () => {
    await importInto(url, old.url, { calls: { sinceMs: undefined, contents: false } })
    gateway = await startTestGateway({ databaseUrl: url })
  })

  afterEach(async () => await gateway.stop())

  test('the log tells them as LiteLLM did, with disjoint token classes and without keys', async () => {
    const range = 'start_date=2026-11-01%2000:00:00&end_date=2026-11-30%2000:00:00'
    const answer = await gateway.call(`/spend/logs/v2?${range}&page_size=50`)
    const { data } = (await answer.json()) as { data: Record<string, unknown>[] }
    const first = data.find((row) => row['request_id'] === 'call-1')
    expect(first).toMatchObject({
      spend: 0.1,
      prompt_tokens: 100,
      completion_tokens: 50,
      total_tokens: 150,
      startTime: '2026-11-01T10:00:00.123Z',
      endTime: '2026-11-01T10:00:02.500Z',
      model: 'gpt-5.5',
      model_group: 'gpt',
      user: 'ada',
      request_tags: ['prod', 'nightly'],
      end_user: 'customer-1',
      session_id: 'session-1',
      cache_hit: 'False',
      metadata: {
        user_api_key_alias: 'ada-laptop',
        spend_logs_metadata: { project: 'x' },
        stream: true,
        additional_usage_values: { cache_read_input_tokens: 60, cache_creation_input_tokens: 10 },
        usage_object: { completion_tokens_details: { reasoning_tokens: 20 } },
      },
    })
    expect(data.find((row) => row['request_id'] === 'call-3')).toMatchObject({
      status: 'failure',
      api_key: hashOf('sk-a-wrong-key-that-somebody-sent'),
      metadata: { error_information: { error_class: 'RateLimitError', error_code: '429' }, http_status: 429 },
    })
    expect(JSON.stringify(data)).not.toMatch(/sk-(a-wrong|provider|in-a)|a prompt with/)
  })

  test('the roll-up by day has them, and the totals do not have them twice', async () => {
    const answer = await gateway.call(
      '/user/daily/activity?start_date=2026-11-01&end_date=2026-11-30&user_id=ada',
    )
    const { results, metadata } = (await answer.json()) as {
      results: { date: string; metrics: { spend: number } }[]
      metadata: { total_spend: number }
    }
    expect(metadata.total_spend).toBe(0.3)
    expect(results.map(({ date, metrics }) => [date, metrics.spend])).toEqual([
      ['2026-11-02', 0.2],
      ['2026-11-01', 0.1],
    ])
    const info = await gateway.call(`/key/info?key=${hashOf(KEYS.ada)}`)
    expect(await info.json()).toMatchObject({ info: { spend: 3.3 } })
  })
})
