/** From callbacks and environment to the systems that are told of calls. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../config/load-config.ts'
import type { OutgoingRequest } from '../telemetry/export/send-request.ts'
import { ARRIVED_AT_MS, endOf, startOf } from '../../test/telemetry/sample-calls.ts'
import { createRedactor } from '../telemetry/redaction.ts'
import { callExporters } from './call-exporters.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-exporters-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

interface Loaded {
  readonly exporters: ReturnType<typeof callExporters>
  readonly warnings: readonly string[]
}

function load(settings: string, environment: Record<string, string> = {}): Loaded {
  const file = join(directory, 'config.yaml')
  writeFileSync(file, settings)
  const { config, warnings } = loadConfig(file, environment)
  return {
    exporters: callExporters(config, environment, createRedactor()),
    warnings: warnings.map(({ key, kind }) => `${kind} ${key}`),
  }
}

async function messageOf(
  settings: string,
  environment: Record<string, string>,
): Promise<OutgoingRequest | undefined> {
  const { exporters, warnings } = load(settings, environment)
  expect(warnings).toEqual([])
  const batch = exporters[0]?.newBatch()
  batch?.add({ start: startOf(), end: endOf() })
  const messages = await batch?.messages(ARRIVED_AT_MS)
  return messages?.[0]
}

describe('a callback', () => {
  test('is told of successes, of failures, or of both', () => {
    const environment = {
      GENERIC_LOGGER_ENDPOINT: 'https://log.example/in',
      DD_API_KEY: 'key',
      DD_SITE: 'datadoghq.eu',
      LANGFUSE_PUBLIC_KEY: 'pk',
      LANGFUSE_SECRET_KEY: 'sk',
    }
    const { exporters, warnings } = load(
      'litellm_settings: { callbacks: [generic_api], success_callback: [datadog, langfuse], failure_callback: [langfuse] }',
      environment,
    )
    expect(warnings).toEqual([])
    expect(exporters.map(({ name, wants }) => [name, wants.success, wants.failure])).toEqual([
      ['generic_api', true, true],
      ['datadog', true, false],
      ['langfuse', true, true],
    ])
  })

  test('generic_api sends the headers of its variable', async () => {
    const message = await messageOf('litellm_settings: { callbacks: [generic_api] }', {
      GENERIC_LOGGER_ENDPOINT: 'https://log.example/in',
      GENERIC_LOGGER_HEADERS: 'Authorization=Bearer a=b, X-Team = core',
    })
    expect(message).toMatchObject({
      url: 'https://log.example/in',
      headers: { authorization: 'Bearer a=b', 'x-team': 'core' },
    })
  })

  test.each([
    [{ DD_API_KEY: 'k', DD_SITE: 'datadoghq.eu' }, 'https://http-intake.logs.datadoghq.eu/api/v2/logs', 'k'],
    [{ DD_API_KEY: 'k', DD_BASE_URL: 'http://dd.example/' }, 'http://dd.example/api/v2/logs', 'k'],
    [{ LITELLM_DD_AGENT_HOST: 'agent' }, 'http://agent:10518/api/v2/logs', undefined],
    [{ LITELLM_DD_AGENT_HOST: 'agent', LITELLM_DD_AGENT_PORT: '9' }, 'http://agent:9/api/v2/logs', undefined],
  ])('datadog goes where %o says', async (environment, url, key) => {
    const message = await messageOf(
      'litellm_settings: { callbacks: [datadog] }',
      environment as Record<string, string>,
    )
    expect(message?.url).toBe(url)
    expect(message?.headers['dd-api-key']).toBe(key)
  })

  test.each([
    ['langfuse', {}, 'https://cloud.langfuse.com'],
    ['langfuse_otel', {}, 'https://us.cloud.langfuse.com'],
    ['langfuse', { LANGFUSE_HOST: 'https://lf.example/' }, 'https://lf.example'],
    ['langfuse', { LANGFUSE_HOST: 'lf.example' }, 'https://lf.example'],
    ['langfuse_otel', { LANGFUSE_OTEL_HOST: 'https://otel.example' }, 'https://otel.example'],
  ])('%s goes where %o says', async (name, environment, host) => {
    const keys = { LANGFUSE_PUBLIC_KEY: 'pk', LANGFUSE_SECRET_KEY: 'sk' }
    const message = await messageOf(`litellm_settings: { callbacks: [${name}] }`, { ...keys, ...environment })
    expect(message?.url).toBe(`${host}/api/public/otel/v1/traces`)
  })

  test('s3_v2 takes its bucket from the file, and its key from the file or the environment', async () => {
    const message = await messageOf(
      `litellm_settings:
  success_callback: [s3_v2]
  s3_callback_params:
    s3_bucket_name: calls
    s3_region_name: eu-west-1
    s3_path: /gateway/
    s3_aws_access_key_id: os.environ/BUCKET_KEY
`,
      { BUCKET_KEY: 'AKIDFILE', AWS_ACCESS_KEY_ID: 'AKIDENV', AWS_SECRET_ACCESS_KEY: 'hidden' },
    )
    expect(message?.url).toMatch(/^https:\/\/calls\.s3\.eu-west-1\.amazonaws\.com\/gateway\/\d{4}-/)
    expect(message?.headers['authorization']).toContain('Credential=AKIDFILE/')
  })

  test('without its environment is a warning, and no start fails for it', () => {
    const { exporters, warnings } = load(
      'litellm_settings: { callbacks: [generic_api, datadog, langfuse, s3_v2, langsmith] }',
    )
    expect(exporters).toEqual([])
    expect(warnings.toSorted()).toEqual([
      'environment litellm_settings.callbacks[0]',
      'environment litellm_settings.callbacks[1]',
      'environment litellm_settings.callbacks[2]',
      'environment litellm_settings.callbacks[4]',
      'environment litellm_settings.s3_callback_params',
    ])
  })
})
