/** What a settled call adds to the metrics. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readExposition, samplesOf, valueOf } from '../../../test/telemetry/read-exposition.ts'
import {
  ARRIVED_AT_MS,
  attemptOf,
  CALLER,
  DEPLOYMENT,
  endOf,
  NOBODY,
  OTHER_DEPLOYMENT,
  providerErrorOf,
  refusalOf,
  startOf,
  USAGE,
} from '../../../test/telemetry/sample-calls.ts'
import { parseDollars } from '../../money/picodollars.ts'
import type { CallEnd, CallStart } from '../../record/call-record.ts'
import { CallMetrics, type CallMetricsSettings } from './call-metrics.ts'
import { writeExposition } from './exposition.ts'
import { COUNTERS, GAUGES, HISTOGRAMS } from './families.ts'
import { MetricsRegistry, OVERFLOW } from './registry.ts'

const SETTINGS: CallMetricsSettings = { emitStreamLabel: false, endUserLabel: false }

function metricsOf(
  calls: readonly (readonly [CallStart, CallEnd])[],
  settings: Partial<CallMetricsSettings> = {},
) {
  const registry = new MetricsRegistry()
  const metrics = new CallMetrics(registry, { ...SETTINGS, ...settings })
  for (const [start, end] of calls) metrics.callSettled(start, end)
  return readExposition([...writeExposition(registry, 'prometheus')].join(''))
}

test('a served call has LiteLLM’s names, labels and order of labels', () => {
  const registry = new MetricsRegistry()
  new CallMetrics(registry, SETTINGS).callSettled(startOf(), endOf())
  const page = [...writeExposition(registry, 'prometheus')].join('')
  const key = 'ab12cd34'.repeat(8)
  expect(page).toContain(
    `litellm_proxy_total_requests_metric_total{end_user="None",hashed_api_key="${key}",api_key_alias="ci-key",` +
      'requested_model="gpt-5-5",team="team-1",team_alias="Platform",user="user-1",status_code="200",' +
      'user_email="None",route="/v1/chat/completions",client_ip="10.0.0.7",user_agent="OpenAI/JS 7.57.0",' +
      'model_id="deployment-1",api_provider="openai"} 1\n',
  )
  expect(page).toContain(
    `litellm_spend_metric_total{end_user="None",hashed_api_key="${key}",api_key_alias="ci-key",model="gpt-5-5",` +
      'team="team-1",team_alias="Platform",user="user-1",user_email="None",client_ip="10.0.0.7",' +
      'user_agent="OpenAI/JS 7.57.0",requested_model="gpt-5-5",model_id="deployment-1",api_provider="openai",' +
      'service_tier=""} 0.25\n',
  )
  expect(page).toContain(
    'litellm_deployment_success_responses_total{requested_model="gpt-5-5",litellm_model_name="gpt-5-5",' +
      `model_id="deployment-1",api_base="https://api.openai.com/v1",api_provider="openai",hashed_api_key="${key}",` +
      'api_key_alias="ci-key",team="team-1",team_alias="Platform",client_ip="10.0.0.7",' +
      'user_agent="OpenAI/JS 7.57.0"} 1\n',
  )
  expect(page).toContain(
    'litellm_request_total_latency_metric_bucket{end_user="None",' +
      `hashed_api_key="${key}",api_key_alias="ci-key",requested_model="gpt-5-5",team="team-1",` +
      'team_alias="Platform",user="user-1",model="gpt-5-5",model_id="deployment-1",api_provider="openai",' +
      'service_tier="",le="600.0"} 1\n',
  )
})

test('each token class is counted once, and caches are part of the input', () => {
  const usage = {
    ...USAGE,
    inputAudioTokens: 1,
    cacheReadTokens: 100,
    cacheWrite5mTokens: 20,
    cacheWrite1hTokens: 3,
    reasoningTokens: 40,
    outputAudioTokens: 5,
  }
  const families = metricsOf([[startOf(), endOf({ usage })]])
  const tokens = (name: string) => valueOf(families, `litellm_${name}_metric_total`, { model: 'gpt-5-5' })
  expect(tokens('input_tokens')).toBe(134)
  expect(tokens('output_tokens')).toBe(52)
  expect(tokens('total_tokens')).toBe(186)
  expect(tokens('input_cached_tokens')).toBe(100)
  expect(tokens('provider_cache_read_input_tokens')).toBe(100)
  expect(tokens('input_cache_creation_tokens')).toBe(23)
  expect(tokens('provider_cache_creation_input_tokens')).toBe(23)
  expect(tokens('input_audio_tokens')).toBe(1)
  expect(tokens('output_reasoning_tokens')).toBe(40)
  expect(tokens('output_audio_tokens')).toBe(5)
})

test('a token class that never occurred has no series', () => {
  const families = metricsOf([[startOf(), endOf()]])
  expect(samplesOf(families, COUNTERS.inputCachedTokens.name)).toEqual([])
  expect(samplesOf(families, COUNTERS.outputReasoningTokens.name)).toEqual([])
})

test('answers of the response cache are counted as hits with their tokens, calls that it was not asked for not at all', () => {
  const key = 'e'.repeat(64)
  const hit = endOf({ attempts: [], cost: parseDollars('0'), cache: { hit: true, key } })
  const families = metricsOf([
    [startOf(), hit],
    [startOf(), hit],
    [startOf(), endOf({ cache: { hit: false, key } })],
    [startOf(), endOf()],
  ])
  expect(valueOf(families, COUNTERS.cacheHits.name)).toBe(2)
  expect(valueOf(families, COUNTERS.cacheMisses.name)).toBe(1)
  expect(valueOf(families, COUNTERS.cachedTokens.name)).toBe(2 * 17)
  expect(valueOf(families, COUNTERS.deploymentTotal.name)).toBe(2)
  const [sample] = samplesOf(families, COUNTERS.cacheHits.name)
  expect(Object.keys(sample?.labels ?? {})).toEqual([
    'model',
    'hashed_api_key',
    'api_key_alias',
    'team',
    'team_alias',
    'end_user',
    'user',
    'model_id',
    'api_provider',
  ])
})

test('spend adds up without the error of floating point', () => {
  const calls = Array.from({ length: 10 }, () => [startOf(), endOf({ cost: parseDollars('0.1') })] as const)
  expect(valueOf(metricsOf(calls), COUNTERS.spend.name)).toBe(1)
})

test.each(['client_gone', 'provider_cut', 'timeout'] as const)(
  'spend of a call that ended %s counts',
  (ending) => {
    const families = metricsOf([[startOf(), endOf({ ending })]])
    expect(valueOf(families, COUNTERS.spend.name)).toBe(0.25)
    expect(valueOf(families, COUNTERS.totalTokens.name)).toBe(17)
  },
)

test.each([
  'client_gone',
  'provider_cut',
  'timeout',
  'provider_error',
  'provider_unreachable',
  'refused',
] as const)('a call that ended %s has a duration, and none in the latency of whole answers', (ending) => {
  const families = metricsOf([[startOf(), endOf({ ending })]])
  expect(valueOf(families, `${HISTOGRAMS.callDuration.name}_sum`, { ending })).toBeCloseTo(0.101)
  expect(samplesOf(families, `${HISTOGRAMS.totalLatency.name}_count`)).toEqual([])
  expect(samplesOf(families, `${HISTOGRAMS.llmApiLatency.name}_count`)).toEqual([])
})

test('the parts of a call’s time are seconds, each in its histogram', () => {
  const families = metricsOf([[startOf({ stream: true }), endOf()]])
  const seconds = (name: keyof typeof HISTOGRAMS) => valueOf(families, `${HISTOGRAMS[name].name}_sum`)
  expect(seconds('totalLatency')).toBeCloseTo(0.101)
  expect(seconds('llmApiLatency')).toBeCloseTo(0.098)
  expect(seconds('timeToFirstToken')).toBeCloseTo(0.028)
  expect(seconds('queueTime')).toBeCloseTo(0.002)
  expect(seconds('overhead')).toBeCloseTo(0.003)
  expect(seconds('latencyPerOutputToken')).toBeCloseTo(0.098 / 7)
})

test('time to first token is measured on streams only', () => {
  const families = metricsOf([[startOf({ stream: false }), endOf()]])
  expect(samplesOf(families, `${HISTOGRAMS.timeToFirstToken.name}_count`)).toEqual([])
})

test('a client that left was served', () => {
  const families = metricsOf([[startOf(), endOf({ ending: 'client_gone' })]])
  expect(valueOf(families, COUNTERS.requests.name)).toBe(1)
  expect(samplesOf(families, COUNTERS.proxyFailed.name)).toEqual([])
})

test('a provider’s 401 is counted as a failure of call and deployment', () => {
  const families = metricsOf([[startOf(), providerErrorOf(401, 'AuthenticationError')]])
  const exception = { exception_status: '401', exception_class: 'Openai.AuthenticationError' }
  expect(valueOf(families, COUNTERS.proxyFailed.name, exception)).toBe(1)
  expect(valueOf(families, COUNTERS.deploymentFailure.name, exception)).toBe(1)
  expect(valueOf(families, COUNTERS.llmApiFailed.name)).toBe(1)
  expect(valueOf(families, COUNTERS.proxyTotal.name, { status_code: '401' })).toBe(1)
  expect(samplesOf(families, COUNTERS.requests.name)).toEqual([])
  expect(samplesOf(families, COUNTERS.spend.name)).toEqual([])
})

test.each([
  ['provider_cut', 'APIConnectionError', '502'],
  ['timeout', 'Timeout', '408'],
] as const)(
  'a stream that ended in %s after 200 is counted under the status of its error',
  (ending, errorClass, status) => {
    const end = endOf({
      ending,
      httpStatus: 200,
      attempts: [attemptOf({ errorClass })],
      error: { errorClass, httpStatus: 200, message: 'cut', provider: 'openai' },
    })
    const families = metricsOf([[startOf({ stream: true }), end]])
    expect(valueOf(families, COUNTERS.proxyTotal.name, { status_code: status })).toBe(1)
    expect(valueOf(families, COUNTERS.proxyFailed.name, { exception_status: status })).toBe(1)
    expect(valueOf(families, COUNTERS.deploymentFailure.name, { exception_status: status })).toBe(1)
  },
)

test('every attempt counts for its own deployment, the call counts once', () => {
  const failed = attemptOf({ deployment: OTHER_DEPLOYMENT, httpStatus: 429, errorClass: 'RateLimitError' })
  const unreachable = attemptOf({
    deployment: OTHER_DEPLOYMENT,
    httpStatus: undefined,
    errorClass: 'APIConnectionError',
  })
  const late = attemptOf({ httpStatus: undefined, errorClass: 'Timeout' })
  const families = metricsOf([[startOf(), endOf({ attempts: [failed, unreachable, late, attemptOf()] })]])
  expect(valueOf(families, COUNTERS.proxyTotal.name)).toBe(1)
  const first = { model_id: OTHER_DEPLOYMENT.modelId, api_provider: 'azure' }
  expect(valueOf(families, COUNTERS.deploymentTotal.name, first)).toBe(2)
  expect(samplesOf(families, COUNTERS.deploymentSuccess.name, first)).toEqual([])
  const failures = (labels: Record<string, string>) =>
    valueOf(families, COUNTERS.deploymentFailure.name, labels)
  expect(failures({ ...first, exception_class: 'Azure.RateLimitError', exception_status: '429' })).toBe(1)
  expect(failures({ ...first, exception_class: 'Azure.APIConnectionError', exception_status: '502' })).toBe(1)
  expect(
    failures({ model_id: DEPLOYMENT.modelId, exception_class: 'Openai.Timeout', exception_status: '408' }),
  ).toBe(1)
  expect(valueOf(families, COUNTERS.deploymentTotal.name, { model_id: DEPLOYMENT.modelId })).toBe(2)
  expect(valueOf(families, COUNTERS.deploymentSuccess.name, { model_id: DEPLOYMENT.modelId })).toBe(1)
  expect(valueOf(families, 'litellm_deployment_state', { model_id: OTHER_DEPLOYMENT.modelId })).toBe(1)
  expect(valueOf(families, 'litellm_deployment_state', { model_id: DEPLOYMENT.modelId })).toBe(0)
})

test('calls of a client that called before are counted as if nobody knew it', () => {
  const ends = [
    endOf(),
    endOf({ deployment: OTHER_DEPLOYMENT, attempts: [attemptOf({ deployment: OTHER_DEPLOYMENT })] }),
    endOf({ httpStatus: 201 }),
    endOf({ ending: 'client_gone', httpStatus: 499 }),
    endOf({ usage: { ...USAGE, serviceTier: 'flex' } }),
    endOf({ usage: undefined }),
    refusalOf(429, 'RateLimitError'),
  ]
  const call = fc.record({
    end: fc.constantFrom(...ends),
    stream: fc.boolean(),
    route: fc.constantFrom('/v1/chat/completions', '/chat/completions'),
  })
  fc.assert(
    fc.property(fc.array(call, { maxLength: 12 }), (calls) => {
      const pageFor = (client: object | undefined) =>
        metricsOf(
          calls.map(({ end, stream, route }) => [startOf({ stream, route, client }), end] as const),
          { emitStreamLabel: true },
        )
      expect(pageFor({})).toEqual(pageFor(undefined))
    }),
    { numRuns: 50 },
  )
})

test('series that were let go of are found again for a client that called before', () => {
  const registry = new MetricsRegistry()
  const metrics = new CallMetrics(registry, { ...SETTINGS, seriesIdleMs: 60_000 })
  const start = startOf({ client: {} })
  metrics.callSettled(start, endOf())
  for (const nowMs of [0, 60_000]) if (registry.dropIdle(nowMs) > 0) metrics.forgetSeries()
  metrics.callSettled(start, endOf())
  const page = readExposition([...writeExposition(registry, 'prometheus')].join(''))
  expect(valueOf(page, COUNTERS.proxyTotal.name)).toBe(1)
})

test('a refusal by the gateway has empty deployment labels among the attempts, and None elsewhere', () => {
  const families = metricsOf([[startOf(), refusalOf(429, 'BudgetExceededError')]])
  const noDeployment = { model_id: '', api_base: '', api_provider: '', litellm_model_name: '' }
  const exception = { exception_status: '429', exception_class: 'BudgetExceededError' }
  expect(valueOf(families, COUNTERS.deploymentFailure.name, { ...noDeployment, ...exception })).toBe(1)
  expect(valueOf(families, COUNTERS.deploymentTotal.name, noDeployment)).toBe(1)
  expect(
    valueOf(families, COUNTERS.proxyFailed.name, { ...exception, model_id: 'None', api_provider: 'None' }),
  ).toBe(1)
  expect(samplesOf(families, 'litellm_deployment_state')).toEqual([])
  expect(samplesOf(families, COUNTERS.llmApiFailed.name)).toEqual([])
})

test('model names that nobody configured become one series', () => {
  const calls = Array.from({ length: 100 }, (_, index) => {
    return [startOf({ requestedModel: `typo-${index}` }), refusalOf(400, 'BadRequestError')] as const
  })
  expect(valueOf(metricsOf(calls), COUNTERS.proxyTotal.name, { requested_model: 'other' })).toBe(100)
})

test('a configured model keeps its name on a refusal, an unknown one does not', () => {
  const calls = ['gpt-5-5', 'typo'].map((requestedModel) => {
    return [startOf({ requestedModel }), refusalOf(403, 'ProxyException')] as const
  })
  const families = metricsOf(calls, { isKnownModel: (model) => model === 'gpt-5-5' })
  expect(valueOf(families, COUNTERS.proxyTotal.name, { requested_model: 'gpt-5-5' })).toBe(1)
  expect(valueOf(families, COUNTERS.proxyTotal.name, { requested_model: 'other' })).toBe(1)
})

test('a caller without a valid key can make one series, whatever it sends', () => {
  const calls = Array.from({ length: 100 }, (_, index) => {
    const told = { caller: NOBODY, userAgent: `agent-${index}`, requesterIp: `10.0.0.${index}` }
    return [startOf({ ...told, requestedModel: `m${index}` }), refusalOf(401, 'ProxyException')] as const
  })
  const families = metricsOf(calls)
  expect(valueOf(families, COUNTERS.proxyTotal.name, { hashed_api_key: 'None', status_code: '401' })).toBe(
    100,
  )
})

test('the label stream appears when it is asked for, on the count of calls alone', () => {
  const calls = [true, false].map((stream) => [startOf({ stream }), endOf()] as const)
  const families = metricsOf(calls, { emitStreamLabel: true })
  expect(valueOf(families, COUNTERS.proxyTotal.name, { stream: 'True' })).toBe(1)
  expect(valueOf(families, COUNTERS.proxyTotal.name, { stream: 'False' })).toBe(1)
  const without = [...families.values()]
    .flatMap((family) => family.samples)
    .filter((s) => 'stream' in s.labels)
  expect(new Set(without.map((sample) => sample.name))).toEqual(new Set([COUNTERS.proxyTotal.name]))
})

test('end users are named only when they are asked for', () => {
  const call = [startOf({ endUser: 'customer-9' }), endOf()] as const
  expect(valueOf(metricsOf([call]), COUNTERS.spend.name, { end_user: 'None' })).toBe(0.25)
  expect(
    valueOf(metricsOf([call], { endUserLabel: true }), COUNTERS.spend.name, { end_user: 'customer-9' }),
  ).toBe(0.25)
})

test('one key with a thousand user agents keeps its spend apart from other keys when the bound is met', () => {
  const noisy = Array.from(
    { length: 1_000 },
    (_, index) => [startOf({ userAgent: `agent-${index}` }), endOf()] as const,
  )
  const quiet = { ...CALLER, keyHash: 'f'.repeat(64), keyAlias: 'quiet' }
  const families = metricsOf([...noisy, [startOf({ caller: quiet }), endOf()]], { maxSeriesPerMetric: 10 })
  expect(valueOf(families, COUNTERS.spend.name, { api_key_alias: 'quiet' })).toBe(0.25)
  const spend = samplesOf(families, COUNTERS.spend.name)
  expect(spend.length).toBeLessThanOrEqual(21)
  expect(spend.reduce((sum, sample) => sum + sample.value, 0)).toBeCloseTo(1_001 * 0.25)
  expect(valueOf(families, OVERFLOW.name, { metric: COUNTERS.spend.name })).toBeGreaterThan(900)
})

test('texts of the client that run into each other are still told apart', () => {
  const families = metricsOf([
    [startOf({ requesterIp: 'a', userAgent: 'bc' }), endOf()],
    [startOf({ requesterIp: 'ab', userAgent: 'c' }), endOf()],
  ])
  expect(samplesOf(families, COUNTERS.proxyTotal.name).map((sample) => sample.value)).toEqual([1, 1])
})

test('a model without a price is counted by its name, a model that is free is not', () => {
  const free = endOf({ cost: parseDollars('0') })
  const families = metricsOf([
    [startOf(), { ...free, priced: false }],
    [startOf(), free],
  ])
  expect(valueOf(families, COUNTERS.zeroCost.name, { reason: 'missing_pricing_key', model: 'gpt-5-5' })).toBe(
    1,
  )
})

test('requests in flight go up and down', () => {
  const registry = new MetricsRegistry()
  const metrics = new CallMetrics(registry, SETTINGS)
  metrics.requestBegan()
  metrics.requestBegan()
  metrics.requestEnded()
  expect(
    valueOf(
      readExposition([...writeExposition(registry, 'prometheus')].join('')),
      'litellm_in_flight_requests',
    ),
  ).toBe(1)
})

test('buckets are LiteLLM’s, or the configured ones', () => {
  const bounds = (families: ReturnType<typeof metricsOf>, name: string) =>
    samplesOf(families, `${name}_bucket`).map((sample) => sample.labels['le'])
  const standard = metricsOf([[startOf(), endOf()]])
  expect(bounds(standard, HISTOGRAMS.totalLatency.name)).toEqual(
    '0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.0 5.0 10.0 30.0 60.0 120.0 300.0 420.0 600.0 +Inf'.split(' '),
  )
  expect(bounds(standard, HISTOGRAMS.latencyPerOutputToken.name)).toEqual(
    '0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0 +Inf'.split(' '),
  )
  const own = metricsOf([[startOf(), endOf()]], { latencyBuckets: [1, 60] })
  expect(bounds(own, HISTOGRAMS.totalLatency.name)).toEqual(['1.0', '60.0', '+Inf'])
})

test('times that run backwards count as zero', () => {
  const families = metricsOf([[startOf({ arrivedAtMs: ARRIVED_AT_MS + 500 }), endOf()]])
  expect(valueOf(families, `${HISTOGRAMS.totalLatency.name}_sum`)).toBe(0)
  expect(valueOf(families, `${HISTOGRAMS.queueTime.name}_sum`)).toBe(0)
  expect(valueOf(families, `${HISTOGRAMS.overhead.name}_sum`)).toBe(0)
})

test('a stream that broke off has its time to the first content, and each attempt its duration', () => {
  const cut = attemptOf({ errorClass: 'APIConnectionError' })
  const families = metricsOf([
    [startOf({ stream: true }), endOf({ ending: 'provider_cut', attempts: [cut] })],
    [startOf(), providerErrorOf(401, 'AuthenticationError')],
  ])
  expect(valueOf(families, `${HISTOGRAMS.timeToFirstToken.name}_count`)).toBe(1)
  const attempts = (exceptionClass: string): number =>
    valueOf(families, `${HISTOGRAMS.attemptDuration.name}_count`, { exception_class: exceptionClass })
  expect(attempts('Openai.APIConnectionError')).toBe(1)
  expect(attempts('Openai.AuthenticationError')).toBe(1)
  expect(samplesOf(families, `${HISTOGRAMS.totalLatency.name}_count`)).toEqual([])
})

test('what a provider has left of its quota is shown, zero too', () => {
  const quota = { requests: 0, tokens: 5_000 }
  const families = metricsOf([[startOf(), endOf({ attempts: [attemptOf({ quota })] })]])
  expect(valueOf(families, GAUGES.remainingRequests.name, { model_id: 'deployment-1' })).toBe(0)
  expect(valueOf(families, GAUGES.remainingTokens.name, { api_key_alias: 'ci-key' })).toBe(5_000)
})

test.each([
  { identity: 'api_key_alias', shown: { api_key_alias: 'ci-key' }, absent: 'user_email' },
  { identity: 'user_email', shown: { user_email: 'ada@example.com' }, absent: 'api_key_alias' },
  { identity: 'both', shown: { api_key_alias: 'ci-key', user_email: 'ada@example.com' }, absent: '' },
] as const)(
  'metrics of deployments and latencies name the caller by $identity',
  ({ identity, shown, absent }) => {
    const caller = { ...CALLER, userEmail: 'ada@example.com' }
    const call = [startOf({ caller }), endOf({ usage: USAGE })] as const
    const families = metricsOf([call], { callerIdentity: identity })
    const names = [COUNTERS.deploymentTotal.name, `${HISTOGRAMS.overhead.name}_count`]
    for (const name of names) {
      const [sample] = samplesOf(families, name)
      expect(sample?.labels).toMatchObject(shown)
      expect(sample?.labels).not.toHaveProperty(absent === '' ? 'nothing' : absent)
    }
    expect(samplesOf(families, COUNTERS.spend.name)[0]?.labels).toMatchObject({ api_key_alias: 'ci-key' })
  },
)
