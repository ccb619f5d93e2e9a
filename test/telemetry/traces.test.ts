/** A whole gateway tells a collector of its calls, and the collector decodes what it was told. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { ClientCall } from '../calls/client-call.ts'
import { SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from './otlp-receiver.ts'

const CHAT = '/v1/chat/completions'
const HELLO = { model: 'gpt', messages: [{ role: 'user', content: 'hello' }] }
const CLIENT_TRACE = '0af7651916cd43dd8448eb211c80319c'
const CLIENT_SPAN = 'b7ad6b7169203331'
const WAIT = { timeout: 10_000, interval: 20 }
const TRACE_PARENT = `00-${CLIENT_TRACE}-${CLIENT_SPAN}-01`

let receiver: OtlpReceiver
let gateway: TestGateway

interface Setup {
  readonly callbacks?: string
  readonly environment?: Record<string, string>
  readonly litellm?: string
  readonly models?: string
}

function configOf({ callbacks = 'otel', environment = {}, litellm = '', models }: Setup): string {
  const variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl,
    OTEL_BSP_SCHEDULE_DELAY: '10',
    ...environment,
  }
  return `${models ?? SIMULATED_MODELS}
environment_variables: ${JSON.stringify(variables)}
litellm_settings: { callbacks: [${callbacks}]${litellm} }
router_settings: { num_retries: 1, retry_after: 0 }
`
}

/** Takes up a configuration; what was exported before stays with the receiver. */
function configure(setup: Setup = {}): void {
  gateway.reconfigure(configOf(setup))
}

beforeAll(async () => {
  receiver = await startOtlpReceiver()
  gateway = await startTestGateway({ config: configOf({}) })
})

afterAll(async () => {
  await gateway.stop()
  await receiver[Symbol.asyncDispose]()
})

beforeEach(() => configure())

interface Tree {
  readonly root: ReceivedSpan
  readonly children: readonly ReceivedSpan[]
  readonly named: (name: string) => readonly ReceivedSpan[]
}

/** The spans of the call with the id, once they have come. */
async function treeOf(callId: string | null): Promise<Tree> {
  const roots = (): readonly ReceivedSpan[] =>
    receiver.spans.filter((span) => span.attributes['litellm.call_id'] === callId && span.kind === 2)
  await receiver.until(() => roots().length > 0)
  const [root, ...others] = roots()
  if (root === undefined || others.length > 0) throw new Error(`${roots().length} roots of call ${callId}`)
  const children = receiver.spans.filter(
    (span) => span.traceId === root.traceId && span.parentSpanId === root.spanId,
  )
  return { root, children, named: (name) => children.filter((span) => span.name === name) }
}

async function traced(body: unknown, headers?: Record<string, string>): Promise<Tree> {
  const answer = await gateway.call(CHAT, body, headers)
  await answer.text()
  return await treeOf(answer.headers.get('x-litellm-call-id'))
}

function say(text: string, rest: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: 'gpt', messages: [{ role: 'user', content: text }], ...rest }
}

/** The only one of a list. */
function only<Item>(items: readonly Item[]): Item {
  expect(items).toHaveLength(1)
  return items[0] as Item
}

describe('the tree of a call', () => {
  test.each([
    ['http/protobuf', (): string => receiver.httpUrl],
    ['http/json', (): string => receiver.httpUrl],
    ['grpc', (): string => receiver.grpcUrl],
  ])('goes by %s, as the continuation of its client’s trace', async (protocol, url) => {
    configure({
      environment: {
        OTEL_EXPORTER_OTLP_ENDPOINT: url(),
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%20b',
        OTEL_SERVICE_NAME: 'gateway-of-tests',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.region=eu',
      },
    })
    const { root, children, named } = await traced(say('hello'), {
      traceparent: TRACE_PARENT,
      tracestate: 'vendor=1',
    })
    expect(root).toMatchObject({
      traceId: CLIENT_TRACE,
      parentSpanId: CLIENT_SPAN,
      traceState: 'vendor=1',
      name: `POST ${CHAT}`,
      kind: 2,
      isError: false,
      attributes: { 'http.response.status_code': 200, 'litellm.ending': 'complete', 'http.route': CHAT },
      resource: { 'service.name': 'gateway-of-tests', 'deployment.region': 'eu' },
    })
    expect(children.map((span) => [span.name, span.kind])).toEqual([
      ['admission', 1],
      ['chat gpt', 3],
    ])
    expect(only(named('chat gpt')).attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt',
      'gen_ai.response.model': 'sim-gpt',
      'gen_ai.response.finish_reasons': ['stop'],
      'litellm.model_id': 'gpt-1',
      'server.address': '127.0.0.1',
      'gen_ai.usage.input_tokens': 2,
    })
    for (const span of children) {
      expect(span.startMs).toBeGreaterThanOrEqual(root.startMs)
      expect(span.endMs).toBeLessThanOrEqual(root.endMs)
    }
    expect(receiver.headers.at(-1)?.['x-tenant']).toBe('a b')
  })

  test('has a span for each attempt when the first one failed', async () => {
    const { root, named } = await traced(say('[[sim fault=500 times=1 retry-after=0]]', { user: 'retried' }))
    expect(root).toMatchObject({ isError: false, attributes: { 'litellm.attempts': 2 } })
    const [first, second] = named('chat gpt')
    expect(first).toMatchObject({ isError: true, attributes: { 'http.response.status_code': 500 } })
    expect(first?.attributes['error.type']).toBe('InternalServerError')
    expect(first?.attributes['gen_ai.usage.input_tokens']).toBeUndefined()
    expect(second).toMatchObject({ isError: false, attributes: { 'http.response.status_code': 200 } })
    expect(second?.attributes['gen_ai.usage.input_tokens']).toBeGreaterThan(0)
    expect(second?.startMs).toBeGreaterThanOrEqual(first?.endMs ?? Number.NaN)
  })

  test('names both deployments when the second one took over', async () => {
    configure({
      models: `
model_list:
  - { model_name: gpt, litellm_params: { model: openai/gone, api_base: 'http://127.0.0.1:1/v1', api_key: k, weight: 1000000 }, model_info: { id: gone } }
  - { model_name: gpt, litellm_params: { model: openai/sim-gpt, api_base: '{openai}', api_key: k, weight: 1 }, model_info: { id: there } }
`,
    })
    const { root, named } = await traced(say('hello'))
    expect(root.isError).toBe(false)
    expect(named('chat gpt').map((span) => [span.attributes['litellm.model_id'], span.isError])).toEqual([
      ['gone', true],
      ['there', false],
    ])
  })

  test('is an error when the provider failed at last, and tells of what', async () => {
    const { root } = await traced(say('[[sim fault=500 retry-after=0]]'))
    expect(root).toMatchObject({ isError: true, attributes: { 'error.type': 'InternalServerError' } })
    expect(only(root.events)).toMatchObject({
      name: 'exception',
      attributes: { 'exception.type': 'InternalServerError' },
    })
  })

  test('has the first token of a stream as an event, and its time as an attribute', async () => {
    const { named } = await traced(say('[[sim chunks=5 ttft=30]]', { stream: true }))
    const attempt = only(named('chat gpt'))
    const event = only(attempt.events)
    expect(event.name).toBe('gen_ai.first_token')
    expect(event.timeMs).toBeGreaterThanOrEqual(attempt.startMs)
    expect(event.timeMs).toBeLessThanOrEqual(attempt.endMs)
    expect(attempt.attributes['gen_ai.response.time_to_first_chunk']).toBeCloseTo(
      (event.timeMs - attempt.startMs) / 1000,
      3,
    )
    expect(attempt.attributes['gen_ai.response.finish_reasons']).toEqual(['stop'])
  })

  test('ends with its client, and is no error then', async () => {
    const call = new ClientCall(gateway.url + CHAT, {
      body: say('[[sim chunks=1000 interval=50]]', { stream: true, user: 'leaver' }),
    })
    await call.until((text) => text.includes('data:'))
    call.leave()
    await call.ended
    await receiver.until(() =>
      receiver.spans.some((span) => span.attributes['litellm.ending'] === 'client_gone'),
    )
    const gone = receiver.spans.find((span) => span.attributes['litellm.ending'] === 'client_gone')
    const { root, named } = await treeOf(String(gone?.attributes['litellm.call_id']))
    expect(root.isError).toBe(false)
    expect(only(named('chat gpt')).events.map(({ name }) => name)).toEqual(['gen_ai.first_token'])
  })

  test.each([
    ['an unknown model', { ...HELLO, model: 'nothing' }, {}, 400, 'BadRequestError'],
    ['a wrong key', HELLO, { authorization: 'Bearer sk-wrong' }, 401, 'ProxyException'],
  ])('of a refusal for %s is its admission, and no error', async (_, body, headers, status, errorClass) => {
    const { root, children } = await traced(body, headers)
    expect(root).toMatchObject({
      isError: false,
      attributes: {
        'http.response.status_code': status,
        'error.type': errorClass,
        'litellm.ending': 'refused',
      },
    })
    expect(only(children)).toMatchObject({ name: 'admission', attributes: { 'error.type': errorClass } })
  })

  test('of a kept answer has its figures at the cache, and no attempt', async () => {
    configure({ litellm: ', cache: true, cache_params: { type: local }' })
    const body = say('once and again')
    const miss = await traced(body)
    expect(only(miss.named('cache')).attributes['litellm.cache.hit']).toBe(false)
    await vi.waitFor(async () => {
      const hit = await traced(body)
      expect(hit.children.map((span) => span.name)).toEqual(['admission', 'cache'])
      expect(only(hit.named('cache')).attributes).toMatchObject({
        'litellm.cache.hit': true,
        'gen_ai.provider.name': 'openai',
        'gen_ai.usage.input_tokens': 4,
        'litellm.cost.total': 0,
      })
    }, WAIT)
  })
})

describe('names', () => {
  test('of before are written beside the current ones when they are asked for', async () => {
    configure({ environment: { LITELLM_OTEL_LEGACY_COMPAT: 'true' } })
    const { named } = await traced(HELLO)
    expect(only(named('chat gpt')).attributes).toMatchObject({
      'gen_ai.system': 'openai',
      'gen_ai.usage.prompt_tokens': 2,
      'gen_ai.usage.input_tokens': 2,
    })
  })

  test('of before are left out when only the latest ones are asked for', async () => {
    configure({
      environment: {
        LITELLM_OTEL_LEGACY_COMPAT: 'true',
        OTEL_SEMCONV_STABILITY_OPT_IN: 'http,gen_ai_latest_experimental',
      },
    })
    const { named } = await traced(HELLO)
    expect(only(named('chat gpt')).attributes).not.toHaveProperty('gen_ai.system')
  })
})

describe('prompts and answers', () => {
  const CAPTURE = { OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'SPAN_ONLY' }
  const SECRETIVE = say('the prompt [[sim say=the%20answer]]', { temperature: 0.5 })

  test('are in no span by default', async () => {
    const tree = await traced(SECRETIVE)
    expect(JSON.stringify(tree)).not.toMatch(/the prompt|the answer/)
  })

  test.each([false, true])('are in the span when the switch says so (stream: %s)', async (stream) => {
    configure({ environment: CAPTURE })
    const { named } = await traced({ ...SECRETIVE, stream })
    const { attributes } = only(named('chat gpt'))
    expect(JSON.parse(String(attributes['gen_ai.input.messages']))).toEqual([
      { role: 'user', parts: [{ type: 'text', content: expect.stringContaining('the prompt') as unknown }] },
    ])
    expect(JSON.parse(String(attributes['gen_ai.output.messages']))).toEqual([
      { role: 'assistant', parts: [{ type: 'text', content: 'the answer' }] },
    ])
    expect(attributes['gen_ai.request.temperature']).toBe(0.5)
  })

  test('are in no span when message logging is turned off', async () => {
    configure({ environment: CAPTURE, litellm: ', turn_off_message_logging: true' })
    const tree = await traced(SECRETIVE)
    expect(JSON.stringify(tree)).not.toMatch(/the prompt|the answer/)
  })

  test('that are exported are not booked, unless prompts are stored', async () => {
    configure({ environment: CAPTURE })
    const answer = await gateway.call(CHAT, SECRETIVE)
    await answer.text()
    const callId = answer.headers.get('x-litellm-call-id')
    await treeOf(callId)
    await vi.waitFor(async () => {
      const logs = await gateway.call(`/spend/logs?request_id=${callId}&summarize=false`)
      const text = await logs.text()
      expect(text).toContain(callId)
      expect(text).not.toContain('the prompt')
    }, WAIT)
  })
})

test('a secret that a client puts where it does not belong is in no span', async () => {
  const key = await gateway.newKey()
  const tree = await traced(
    { ...HELLO, model: key, user: key, metadata: { tags: [key] } },
    { 'user-agent': `agent ${key}`, 'x-litellm-customer-id': key },
  )
  expect(JSON.stringify(tree)).not.toContain(key)
})

describe('sampling', () => {
  test('leaves a call out of the traces, and its ids in the log', async () => {
    configure({ environment: { OTEL_TRACES_SAMPLER: 'always_off' } })
    const answer = await gateway.call(CHAT, HELLO)
    await answer.text()
    const callId = answer.headers.get('x-litellm-call-id')
    configure()
    await traced(HELLO)
    expect(receiver.spans.filter((span) => span.attributes['litellm.call_id'] === callId)).toEqual([])
    const line = gateway.logLines().find((each) => each['call_id'] === callId)
    expect(line).toMatchObject({
      trace_id: callId?.replaceAll('-', ''),
      span_id: expect.stringMatching(/^\w{16}$/) as unknown,
    })
  })

  test('goes by the client’s decision unless it is told otherwise', async () => {
    const answer = await gateway.call(CHAT, HELLO, { traceparent: TRACE_PARENT.replace(/01$/, '00') })
    await answer.text()
    await traced(HELLO)
    const callId = answer.headers.get('x-litellm-call-id')
    expect(receiver.spans.filter((span) => span.attributes['litellm.call_id'] === callId)).toEqual([])
  })
})

describe('the trace', () => {
  function sentHeaders(): Readonly<Record<string, string>> {
    return Object.fromEntries(gateway.simulator.requests().at(-1)?.headers ?? [])
  }

  test('is told to providers only when the configuration says so', async () => {
    await traced(HELLO, { traceparent: TRACE_PARENT })
    expect(sentHeaders()).not.toHaveProperty('traceparent')
    configure({ litellm: ', forward_traceparent_to_llm_provider: true' })
    const { named } = await traced(HELLO, { traceparent: TRACE_PARENT, tracestate: 'vendor=1' })
    const attempt = only(named('chat gpt'))
    expect(sentHeaders()).toMatchObject({
      traceparent: `00-${CLIENT_TRACE}-${attempt.spanId}-01`,
      tracestate: 'vendor=1',
    })
  })

  test('begins anew when the client’s is to be ignored', async () => {
    configure({ environment: { OTEL_IGNORE_CONTEXT_PROPAGATION: 'true' } })
    const { root } = await traced(HELLO, { traceparent: TRACE_PARENT })
    expect(root.parentSpanId).toBeUndefined()
    expect(root.traceId).toBe(String(root.attributes['litellm.call_id']).replaceAll('-', ''))
  })

  test('has no ids in the log while calls are not traced', async () => {
    configure({ callbacks: '' })
    const answer = await gateway.call(CHAT, HELLO)
    await answer.text()
    const callId = answer.headers.get('x-litellm-call-id')
    const line = gateway.logLines().find((each) => each['call_id'] === callId)
    expect(line).not.toHaveProperty('trace_id')
  })
})

describe('Phoenix and Arize', () => {
  test('get OpenInference by HTTP, with the key and the project', async () => {
    configure({
      callbacks: 'arize_phoenix',
      environment: {
        PHOENIX_COLLECTOR_ENDPOINT: `${receiver.httpUrl}/v1/traces`,
        PHOENIX_API_KEY: 'phoenix-key',
        PHOENIX_PROJECT_NAME: 'calls',
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true',
      },
    })
    const answer = await gateway.call(CHAT, say('ask [[sim say=told]]'))
    await answer.text()
    const isMine = (span: ReceivedSpan): boolean => span.resource['openinference.project.name'] === 'calls'
    await receiver.until(() => receiver.spans.some(isMine))
    const mine = receiver.spans.filter(isMine)
    expect(mine.map((span) => span.attributes['openinference.span.kind'])).toEqual(['CHAIN', 'CHAIN', 'LLM'])
    expect(mine[2]?.attributes).toMatchObject({
      'llm.model_name': 'sim-gpt',
      'llm.provider': 'openai',
      'llm.token_count.prompt': expect.any(Number) as unknown,
      'llm.input_messages.0.message.role': 'user',
      'llm.output_messages.0.message.content': 'told',
      'output.value': 'told',
    })
    expect(receiver.headers.at(-1)?.authorization).toBe('Bearer phoenix-key')
  })

  test('get it by gRPC, with the space and its key', async () => {
    configure({
      callbacks: 'arize',
      environment: {
        ARIZE_SPACE_ID: 'space',
        ARIZE_API_KEY: 'arize-key',
        ARIZE_PROJECT_NAME: 'arize-calls',
        ARIZE_ENDPOINT: receiver.grpcUrl,
      },
    })
    const answer = await gateway.call('/v1/embeddings', { model: 'embedder', input: 'word' })
    await answer.text()
    const isMine = (span: ReceivedSpan): boolean => span.resource['model_id'] === 'arize-calls'
    await receiver.until(() => receiver.spans.some(isMine))
    expect(receiver.spans.filter(isMine).at(-1)?.attributes['openinference.span.kind']).toBe('EMBEDDING')
    expect(receiver.headers.at(-1)).toMatchObject({ space_id: 'space', api_key: 'arize-key' })
  })
})

describe('beside traces', () => {
  test('a log record a call has the fields of its line, and its trace', async () => {
    configure({ environment: { OTEL_LOGS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' } })
    const answer = await gateway.call(CHAT, HELLO)
    await answer.text()
    const callId = answer.headers.get('x-litellm-call-id')
    await receiver.until(() => receiver.logs.some((record) => record.attributes['call_id'] === callId))
    const record = only(receiver.logs.filter((each) => each.attributes['call_id'] === callId))
    expect(record).toMatchObject({ severity: 'INFO', body: 'call complete' })
    expect(record.traceId).toBe(callId?.replaceAll('-', ''))
    expect(record.attributes).toMatchObject({
      provider: 'openai',
      status: 200,
      prompt_tokens: 2,
      model: 'gpt',
    })
  })

  test('metrics of all calls, also of those that were not sampled', async () => {
    configure({
      environment: {
        LITELLM_OTEL_INTEGRATION_ENABLE_METRICS: 'true',
        OTEL_METRIC_EXPORT_INTERVAL: '50',
        OTEL_TRACES_SAMPLER: 'always_off',
      },
    })
    for (const stream of [false, true])
      await (await gateway.call(CHAT, say('[[sim chunks=3]]', { stream }))).text()
    const pointOf = (name: string, more: Record<string, unknown> = {}) =>
      receiver.metrics
        .findLast((metric) => metric.name === name)
        ?.points.find(({ attributes }) =>
          Object.entries(more).every(([key, value]) => attributes[key] === value),
        )
    await receiver.until(() => pointOf('gen_ai.client.operation.duration')?.count === 2)
    expect(receiver.metrics.at(-1)?.temporality).toBe(2)
    expect(pointOf('gen_ai.client.operation.duration')).toMatchObject({
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'gpt',
      },
    })
    expect(pointOf('gen_ai.client.operation.duration')?.bounds.at(-1)).toBe(600)
    expect(pointOf('gen_ai.client.token.usage', { 'gen_ai.token.type': 'output' })?.count).toBe(2)
    expect(pointOf('gen_ai.client.operation.time_to_first_chunk')?.count).toBe(1)
    expect(pointOf('gen_ai.client.inference.usage.output_tokens')?.sum).toBe(
      pointOf('gen_ai.client.token.usage', { 'gen_ai.token.type': 'output' })?.sum,
    )
    expect(receiver.metrics.find((metric) => metric.name === 'gen_ai.usage.cost')?.unit).toBe('USD')
  })
})

test('calls that went well leave the log by their share, and others never do', async () => {
  configure({ litellm: ', request_log_sample_ratio: 0' })
  const ids: (string | null)[] = []
  for (const body of [HELLO, { ...HELLO, model: 'nothing' }]) {
    const answer = await gateway.call(CHAT, body)
    await answer.text()
    ids.push(answer.headers.get('x-litellm-call-id'))
  }
  const logged = gateway.logLines().map((line) => line['call_id'])
  expect(ids.map((id) => logged.includes(id))).toEqual([false, true])
})

test('a callback whose environment cannot be used is told of, and calls go on', async () => {
  configure({ environment: { OTEL_EXPORTER: 'console' } })
  expect((await gateway.call(CHAT, HELLO)).status).toBe(200)
  expect(gateway.logLines().map((line) => String(line['msg']))).toContainEqual(
    expect.stringContaining('the callback otel exports nothing'),
  )
})

describe('a collector that', () => {
  /** The sum over all series of the callback that have the label. */
  async function metric(name: string, label = ''): Promise<number> {
    const page = await (await gateway.call('/metrics')).text()
    const lines = page
      .split('\n')
      .filter((line) => line.startsWith(`${name}{callback_name="otel"`) && line.includes(label))
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  const rejected = (signal: string): Promise<number> =>
    metric('sluice_export_rejected_items_total', `signal="${signal}"`)

  test('is away costs calls nothing, and is counted', async () => {
    configure({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' } })
    const answer = await gateway.call(CHAT, HELLO)
    expect(answer.status).toBe(200)
    await answer.text()
    await vi.waitFor(
      async () => expect(await metric('litellm_callback_logging_failures_metric_total')).toBeGreaterThan(0),
      WAIT,
    )
  })

  test.each([
    ['HTTP', 'http/protobuf', (): string => receiver.httpUrl, 400],
    ['gRPC', 'grpc', (): string => receiver.grpcUrl, 3],
  ])('refuses by %s is not asked again', async (_, protocol, url, refusal) => {
    configure({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: url(), OTEL_EXPORTER_OTLP_PROTOCOL: protocol } })
    const before = await metric('sluice_export_dropped_calls_total')
    receiver.answer(refusal)
    const messages = receiver.paths.length
    await (await gateway.call(CHAT, HELLO)).text()
    await receiver.count(messages + 1)
    await vi.waitFor(
      async () => expect(await metric('sluice_export_dropped_calls_total')).not.toBe(before),
      WAIT,
    )
    await traced(HELLO)
    expect(receiver.paths).toHaveLength(messages + 2)
  })

  test.each([
    ['HTTP', 'http/protobuf', (): string => receiver.httpUrl, 503],
    ['gRPC', 'grpc', (): string => receiver.grpcUrl, 14],
  ])('is overloaded (%s) gets the same spans again', async (_, protocol, url, overload) => {
    configure({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: url(), OTEL_EXPORTER_OTLP_PROTOCOL: protocol } })
    receiver.answer(overload)
    const { children } = await traced(HELLO)
    expect(children).toHaveLength(2)
  })

  test.each([
    ['traces', 'http/protobuf', (): string => receiver.httpUrl],
    ['logs', 'http/json', (): string => receiver.httpUrl],
    ['metrics', 'grpc', (): string => receiver.grpcUrl],
  ] as const)('rejects a part of the %s by %s is counted, and told of', async (signal, protocol, url) => {
    const exporterOf = (each: string): string => (each === signal ? 'otlp' : 'none')
    configure({
      environment: {
        OTEL_EXPORTER_OTLP_ENDPOINT: url(),
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
        OTEL_TRACES_EXPORTER: exporterOf('traces'),
        OTEL_LOGS_EXPORTER: exporterOf('logs'),
        OTEL_METRICS_EXPORTER: exporterOf('metrics'),
        OTEL_METRIC_EXPORT_INTERVAL: '50',
      },
    })
    const before = await rejected(signal)
    receiver.reject(signal, { items: 3, reason: `three of the ${signal} are too long` })
    await (await gateway.call(CHAT, HELLO)).text()
    await vi.waitFor(async () => expect(await rejected(signal)).toBe(before + 3), WAIT)
    const told = gateway.logLines().filter((line) => line['reason'] === `three of the ${signal} are too long`)
    expect(told).toMatchObject([{ level: 'warn', callback: 'otel', signal, rejected: 3 }])
  })

  /** A second call is told when the answer to the first has been read. @returns the first. */
  async function tracedTwice(environment: Record<string, string>): Promise<Tree> {
    configure({ environment })
    const first = await traced(HELLO)
    await traced(HELLO)
    return first
  }

  test('rejects a part is not sent it again', async () => {
    const before = await rejected('traces')
    receiver.reject('traces', { items: 1, reason: 'too old' })
    const { root } = await tracedTwice({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.grpcUrl,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    })
    expect(await rejected('traces')).toBe(before + 1)
    only(receiver.spans.filter(({ spanId }) => spanId === root.spanId))
  })

  test.each(['none', 'gzip'])('says too much by gRPC (compression: %s) is not heard', async (compression) => {
    const before = await rejected('traces')
    receiver.reject('traces', { items: 1, reason: 'old, '.repeat(20_000) })
    await tracedTwice({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.grpcUrl,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_COMPRESSION: compression,
    })
    expect(await rejected('traces')).toBe(before)
  })

  test('never answers does not hold up the end of the gateway', async () => {
    await using mute = await startOtlpReceiver()
    const other = await startTestGateway({
      config: `${SIMULATED_MODELS}\nlitellm_settings: { callbacks: [otel] }\n`,
      environment: { OTEL_EXPORTER_OTLP_ENDPOINT: mute.grpcUrl, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    })
    mute.answer('hang', 'hang', 'hang')
    try {
      await (await other.call(CHAT, HELLO)).text()
      await mute.count(1)
    } finally {
      await other.stop()
    }
    expect(mute.spans).toEqual([])
  })
})
