/** Settled calls reach other systems, in their forms; a system that fails costs a counter and no call. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startCallReceiver, type CallReceiver } from '../../../test/telemetry/call-receiver.ts'
import {
  ARRIVED_AT_MS,
  CALLER,
  endOf,
  providerErrorOf,
  startOf,
} from '../../../test/telemetry/sample-calls.ts'
import { CallExports } from './call-exports.ts'
import { datadog } from './datadog.ts'
import type { Exporter } from './exporter.ts'
import { genericApi } from './generic-api.ts'
import { langfuse } from './langfuse.ts'
import { s3 } from './s3.ts'

const BOTH = { success: true, failure: true }

let receiver: CallReceiver
let counts: Record<string, number>

beforeEach(async () => {
  receiver = await startCallReceiver()
  counts = {}
})

afterEach(async () => {
  await receiver[Symbol.asyncDispose]()
})

function count(name: string, more: number): void {
  counts[name] = (counts[name] ?? 0) + more
}

/** Pauses end at once, but for the one in which calls are gathered. */
function exportsOf(...exporters: readonly Exporter[]): CallExports {
  return new CallExports({
    exporters,
    clock: () => ARRIVED_AT_MS,
    wait: (ms) => (ms === 1_000 ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve()),
    report: {
      exported: (_name, calls) => count('exported', calls),
      tryFailed: () => count('failed', 1),
      dropped: (_name, reason, calls) => count(reason, calls),
      rejected: () => count('rejected', 1),
    },
  })
}

function generic(changes: Partial<Parameters<typeof genericApi>[0]> = {}): Exporter {
  const endpoint = `${receiver.url}/logs`
  return genericApi({
    name: 'generic_api',
    wants: BOTH,
    endpoint,
    headers: {},
    format: 'json_array',
    ...changes,
  })
}

describe('calls', () => {
  test('are sent together, in the form of LiteLLM’s callbacks, without prompts and answers', async () => {
    const exports = exportsOf(generic({ headers: { authorization: 'Bearer of-the-log' } }))
    exports.callSettled(
      startOf({ tags: ['a'] }),
      endOf({ requestBody: Buffer.from('{"messages":"secret"}') }),
    )
    exports.callSettled(startOf({ callId: 'call-2' }), providerErrorOf(500, 'InternalServerError'))
    const cut = { errorClass: 'APIConnectionError', httpStatus: 200, message: 'cut', provider: 'openai' }
    exports.callSettled(startOf({ callId: 'call-3' }), endOf({ ending: 'provider_cut', error: cut }))
    await exports.close(5_000)
    expect(receiver.received).toHaveLength(1)
    const [message] = receiver.received
    expect(message).toMatchObject({ method: 'POST', path: '/logs' })
    expect(message?.headers).toMatchObject({
      authorization: 'Bearer of-the-log',
      'content-type': 'application/json',
    })
    const [first, second, third] = JSON.parse(message?.body ?? '') as Record<string, unknown>[]
    expect(first).toMatchObject({
      id: 'call-1',
      status: 'success',
      response_cost: 0.25,
      prompt_tokens: 10,
      completion_tokens: 7,
      total_tokens: 17,
      startTime: ARRIVED_AT_MS / 1000,
      model_group: 'gpt-5-5',
      custom_llm_provider: 'openai',
      request_tags: ['a'],
      messages: null,
      metadata: { user_api_key_alias: 'ci-key', user_api_key_team_id: 'team-1' },
    })
    expect(second).toMatchObject({
      id: 'call-2',
      status: 'failure',
      error_information: { error_code: '500', error_class: 'InternalServerError', llm_provider: 'openai' },
    })
    expect(third).toMatchObject({ id: 'call-3', error_information: { error_code: '502' } })
    expect(message?.body).not.toContain('secret')
    expect(counts).toEqual({ exported: 3 })
  })

  test.each([
    ['ndjson', 1, 'application/x-ndjson'],
    ['single', 2, 'application/json'],
  ] as const)('are sent as %s where that is asked for', async (format, messages, contentType) => {
    const exports = exportsOf(generic({ format }))
    for (const callId of ['a', 'b']) exports.callSettled(startOf({ callId }), endOf())
    await exports.close(5_000)
    expect(receiver.received).toHaveLength(messages)
    expect(receiver.received[0]?.headers['content-type']).toBe(contentType)
    const lines = receiver.received.flatMap(({ body }) => body.trim().split('\n'))
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(['a', 'b'])
  })

  test('are sent to who wants them: successes, failures or both', async () => {
    const successes = generic({ endpoint: `${receiver.url}/ok`, wants: { success: true, failure: false } })
    const failures = generic({ endpoint: `${receiver.url}/bad`, wants: { success: false, failure: true } })
    const exports = exportsOf(successes, failures)
    exports.callSettled(startOf({ callId: 'good' }), endOf())
    exports.callSettled(startOf({ callId: 'broken' }), providerErrorOf(500, 'InternalServerError'))
    await exports.close(5_000)
    const sent = receiver.received.map(
      ({ path, body }) => `${path} ${(JSON.parse(body) as { id: string }[])[0]?.id}`,
    )
    expect(sent.toSorted()).toEqual(['/bad broken', '/ok good'])
  })

  test('that meet an error or a cut connection arrive by a later try', async () => {
    receiver.answer(500, 'cut', 429)
    const exports = exportsOf(generic())
    exports.callSettled(startOf(), endOf())
    await receiver.count(4)
    await exports.close(5_000)
    expect(counts).toEqual({ failed: 3, exported: 1 })
  })

  test('that are refused are dropped and counted', async () => {
    receiver.answer(401)
    const exports = exportsOf(generic())
    exports.callSettled(startOf(), endOf())
    exports.callSettled(startOf(), endOf())
    await receiver.count(1)
    await exports.close(5_000)
    expect(counts).toEqual({ failed: 1, refused: 2 })
  })

  test('wait in a bounded queue for a system that is away', async () => {
    receiver.answer(...Array.from({ length: 1_000 }, () => 'cut' as const))
    const exports = exportsOf(generic())
    for (let call = 0; call < 20_100; call++) exports.callSettled(startOf(), endOf())
    expect(exports.queued).toBe(20_000)
    expect(counts).toEqual({ queue_full: 100 })
    await exports.close(0)
    expect(counts['stopping']).toBe(20_000)
  })

  test('go to the new place after a reload, and those that waited to the old one', async () => {
    const exports = exportsOf(generic({ endpoint: `${receiver.url}/old` }))
    exports.callSettled(startOf({ callId: 'before' }), endOf())
    exports.configure([generic({ endpoint: `${receiver.url}/new` })], 5_000)
    exports.callSettled(startOf({ callId: 'after' }), endOf())
    await receiver.count(2)
    await exports.close(5_000)
    const sent = receiver.received.map(
      ({ path, body }) => `${path} ${(JSON.parse(body) as { id: string }[])[0]?.id}`,
    )
    expect(sent.toSorted()).toEqual(['/new after', '/old before'])
  })
})

test('Datadog gets log events, zipped, with its key in its header', async () => {
  const exports = exportsOf(
    datadog({
      wants: BOTH,
      url: `${receiver.url}/api/v2/logs`,
      apiKey: 'dd-key',
      source: 'litellm',
      service: 'gateway',
      hostname: 'pod-1',
      tags: 'env:test',
    }),
  )
  exports.callSettled(startOf(), endOf())
  exports.callSettled(startOf(), providerErrorOf(500, 'InternalServerError'))
  await exports.close(5_000)
  const [message] = receiver.received
  expect(message?.headers).toMatchObject({ 'dd-api-key': 'dd-key', 'content-encoding': 'gzip' })
  const events = JSON.parse(message?.body ?? '') as Record<string, string>[]
  expect(events).toMatchObject([
    {
      ddsource: 'litellm',
      ddtags: 'env:test,team:Platform',
      hostname: 'pod-1',
      service: 'gateway',
      status: 'info',
    },
    { status: 'error' },
  ])
  expect(JSON.parse(events[0]?.['message'] ?? '')).toMatchObject({ id: 'call-1', response_cost: 0.25 })
})

test('Langfuse gets a generation a call, by OTLP, with tokens, cost and whose it is', async () => {
  const exports = exportsOf(
    langfuse({
      name: 'langfuse',
      wants: BOTH,
      host: `${receiver.url}/`,
      publicKey: 'pk',
      secretKey: 'sk',
      version: '1.0.0',
    }),
  )
  exports.callSettled(startOf({ sessionId: 's1' }), endOf())
  await exports.close(5_000)
  const [message] = receiver.received
  expect(message?.path).toBe('/api/public/otel/v1/traces')
  expect(message?.headers.authorization).toBe(`Basic ${Buffer.from('pk:sk').toString('base64')}`)
  const body = JSON.parse(message?.body ?? '') as OtlpBody
  const [span] = body.resourceSpans[0]?.scopeSpans[0]?.spans ?? []
  expect(span).toMatchObject({
    name: 'acompletion',
    startTimeUnixNano: `${ARRIVED_AT_MS}000000`,
    endTimeUnixNano: `${ARRIVED_AT_MS + 101}000000`,
    status: {},
  })
  expect(span?.traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(span?.spanId).toMatch(/^[0-9a-f]{16}$/)
  const attributes = Object.fromEntries(span?.attributes.map(({ key, value }) => [key, value]) ?? [])
  expect(attributes).toMatchObject({
    'langfuse.observation.type': { stringValue: 'generation' },
    'langfuse.session.id': { stringValue: 's1' },
    'langfuse.user.id': { stringValue: 'user-1' },
    'gen_ai.usage.input_tokens': { intValue: '10' },
    'gen_ai.usage.output_tokens': { intValue: '7' },
    'gen_ai.usage.cost': { doubleValue: 0.25 },
  })
})

interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly attributes: readonly { readonly key: string; readonly value: unknown }[]
}

interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[]
  }[]
}

test('a bucket gets an object a call, in a folder of its day and team, signed', async () => {
  const exports = exportsOf(
    s3({
      name: 's3_v2',
      wants: BOTH,
      bucket: 'calls',
      region: 'eu-central-1',
      endpoint: receiver.url,
      prefix: 'gateway',
      useTeamPrefix: true,
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'hidden', sessionToken: 'session' },
    }),
  )
  exports.callSettled(startOf(), endOf())
  exports.callSettled(startOf({ callId: '../a b/c', caller: { ...CALLER, teamAlias: '..' } }), endOf())
  await exports.close(5_000)
  const [first, second] = receiver.received.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const time = new Date(ARRIVED_AT_MS).toISOString()
  const folder = `/calls/gateway/Platform/${time.slice(0, 10)}/time-${time.slice(11, 19).replaceAll(':', '-')}-000000_`
  expect(first?.path).toBe(`${folder}call-1.json`)
  expect(second?.path).toBe(`${folder.replace('Platform', '_')}.._a%20b_c.json`)
  expect(first?.method).toBe('PUT')
  expect(first?.headers).toMatchObject({
    'x-amz-security-token': 'session',
    'content-type': 'application/json',
  })
  expect(first?.headers.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
  )
  expect(JSON.parse(first?.body ?? '')).toMatchObject({ id: 'call-1' })
})

test('at the end the last figures are sent, also where older ones are still under way', async () => {
  const begun = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  let written = 0
  const messages = async () => {
    written += 1
    const body = `figures ${written}`
    begun.resolve()
    await released.promise
    return [{ method: 'POST', url: receiver.url, headers: {}, body } as const]
  }
  const exports = exportsOf({ ...generic(), periodic: { everyMs: 1, messages } })
  await begun.promise
  const closed = exports.close(5_000)
  released.resolve()
  await closed
  expect(receiver.received.map(({ body }) => body)).toEqual(['figures 1', 'figures 2'])
})

test('nothing is done for a call when nobody wants to be told', async () => {
  const exports = exportsOf()
  exports.callSettled(startOf(), endOf())
  expect(exports.queued).toBe(0)
  await exports.close(0)
})
