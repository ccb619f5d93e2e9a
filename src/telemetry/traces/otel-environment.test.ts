/** From the environment to receivers. */
import { describe, expect, test } from 'vitest'
import { readArizeSettings, readPhoenixSettings } from './arize-environment.ts'
import { readOtlpSettings, type Environment } from './otel-environment.ts'

function targets(environment: Environment): Record<string, unknown> {
  const settings = readOtlpSettings(environment, '1.0.0')
  return Object.fromEntries(
    (['traces', 'metrics', 'logs'] as const).map((signal) => [
      signal,
      settings?.[signal] && `${settings[signal].protocol} ${settings[signal].url}`,
    ]),
  )
}

const NONE = { traces: undefined, metrics: undefined, logs: undefined }
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }

describe('the callback otel', () => {
  test.each<[string, Environment, Record<string, string>]>([
    ['nothing', {}, {}],
    ['a base address', ENDPOINT, { traces: 'http/protobuf http://collector:4318/v1/traces' }],
    [
      'the address of traces, as it stands',
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://vt:10428/insert/opentelemetry/v1/traces' },
      { traces: 'http/protobuf http://vt:10428/insert/opentelemetry/v1/traces' },
    ],
    [
      'LiteLLM’s names',
      { OTEL_EXPORTER: 'otlp_http', OTEL_ENDPOINT: 'http://collector:4318/v1/traces' },
      { traces: 'http/protobuf http://collector:4318/v1/traces' },
    ],
    [
      'LiteLLM’s name of gRPC',
      { OTEL_EXPORTER: 'otlp_grpc', OTEL_ENDPOINT: 'http://collector:4317' },
      { traces: 'grpc http://collector:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export' },
    ],
    [
      'an exporter and no address',
      { OTEL_EXPORTER: 'http/json' },
      { traces: 'http/json http://localhost:4318/v1/traces' },
    ],
    [
      'gRPC without a scheme, which is TLS',
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' },
      { traces: 'grpc https://collector:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export' },
    ],
    ['a console', { ...ENDPOINT, OTEL_EXPORTER: 'console' }, {}],
    ['the switch for all', { ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }, {}],
    ['no traces', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, {}],
    ['an address that is none', { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' }, {}],
    [
      'LiteLLM’s switches of metrics and events',
      {
        ...ENDPOINT,
        LITELLM_OTEL_INTEGRATION_ENABLE_METRICS: 'True',
        LITELLM_OTEL_INTEGRATION_ENABLE_EVENTS: 'true',
      },
      {
        traces: 'http/protobuf http://collector:4318/v1/traces',
        metrics: 'http/protobuf http://collector:4318/v1/metrics',
        logs: 'http/protobuf http://collector:4318/v1/logs',
      },
    ],
    [
      'a protocol of its own for metrics',
      {
        ...ENDPOINT,
        OTEL_TRACES_EXPORTER: 'none',
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json',
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'https://vm/opentelemetry/v1/metrics',
      },
      { metrics: 'http/json https://vm/opentelemetry/v1/metrics' },
    ],
  ])('with %s goes where it says', (_, environment, expected) => {
    expect(targets(environment)).toEqual({ ...NONE, ...expected })
  })

  test('is named by the environment, and takes headers and attributes percent-encoded', () => {
    const settings = readOtlpSettings(
      {
        ...ENDPOINT,
        OTEL_HEADERS: 'a=1,b=2',
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'B=two%20words, c = %zz',
        OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,zone=a%2Cb',
        OTEL_ENVIRONMENT_NAME: 'staging',
        OTEL_MODEL_ID: 'model',
        HOSTNAME: 'pod-1',
      },
      '1.0.0',
    )
    expect(settings?.traces?.headers).toEqual({ a: '1', b: 'two words', c: '%zz' })
    expect(settings?.resource).toMatchObject({
      'service.name': 'other',
      'service.version': '1.0.0',
      'deployment.environment': 'staging',
      model_id: 'model',
      zone: 'a,b',
    })
    expect(settings?.resource['service.instance.id']).toMatch(/^pod-1:/)
  })
})

test.each<[string, Environment, string | undefined]>([
  ['nothing', {}, undefined],
  ['a space without a key', { ARIZE_SPACE_ID: 'space' }, undefined],
  [
    'space and key',
    { ARIZE_SPACE_KEY: 'space', ARIZE_API_KEY: 'key' },
    'https://otlp.arize.com/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  ],
  [
    'an address of HTTP',
    { ARIZE_SPACE_ID: 'space', ARIZE_API_KEY: 'key', ARIZE_HTTP_ENDPOINT: 'https://arize/v1/traces' },
    'https://arize/v1/traces',
  ],
])('Arize with %s is reached where it is', (_, environment, url) => {
  expect(readArizeSettings(environment, '1.0.0')?.traces?.url).toBe(url)
})

test.each<[string, Environment, string | undefined]>([
  ['nothing', {}, undefined],
  ['a key', { PHOENIX_API_KEY: 'key' }, 'https://app.phoenix.arize.com/v1/traces'],
  [
    'an address with a path',
    { PHOENIX_COLLECTOR_ENDPOINT: 'http://phoenix:6006/v1/traces' },
    'http://phoenix:6006/v1/traces',
  ],
  [
    'an address without one',
    { PHOENIX_COLLECTOR_ENDPOINT: 'http://phoenix:4317' },
    'http://phoenix:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  ],
])('Phoenix with %s is reached where it is', (_, environment, url) => {
  expect(readPhoenixSettings(environment, '1.0.0')?.traces?.url).toBe(url)
})
