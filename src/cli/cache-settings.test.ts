import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatIssue } from '../config/config-issue.ts'
import { loadConfig, type LoadedConfig } from '../config/load-config.ts'
import { cacheSettings } from './cache-settings.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-cache-settings-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function load(litellm: object): LoadedConfig {
  const file = join(directory, 'config.yaml')
  writeFileSync(file, JSON.stringify({ litellm_settings: litellm }))
  return loadConfig(file, {})
}

const settingsOf = (params?: object) =>
  cacheSettings(load({ cache: true, ...(params === undefined ? {} : { cache_params: params }) }).config)

const ALL_TYPES = new Set([
  'acompletion',
  'atext_completion',
  'aembedding',
  'aresponses',
  'anthropic_messages',
])

test('cache: true alone keeps all kinds of answers in Redis for a day', () => {
  expect(settingsOf()).toEqual({
    kind: 'redis',
    ttlMs: 86_400_000,
    callTypes: ALL_TYPES,
    onByDefault: true,
    scope: 'team',
    maxMemoryBytes: 104_857_600,
  })
})

test('without cache: true, cache_params alone switch nothing on', () => {
  expect(cacheSettings(load({ cache_params: { type: 'local' } }).config)).toBeUndefined()
})

test.each([
  [{ type: 'local' }, { kind: 'local', ttlMs: 600_000 }],
  [{ type: 'local', default_in_memory_ttl: 5, default_in_redis_ttl: 7 }, { ttlMs: 5_000 }],
  [{ type: 'redis', default_in_memory_ttl: 5, default_in_redis_ttl: 7 }, { ttlMs: 7_000 }],
  [{ type: 'redis', ttl: 1.5, default_in_redis_ttl: 7 }, { ttlMs: 1_500 }],
  [{ mode: 'default_off' }, { onByDefault: false }],
  [{ mode: 'default_on' }, { onByDefault: true }],
  [
    { scope: 'all', max_memory_mb: 1 },
    { scope: 'all', maxMemoryBytes: 1_048_576 },
  ],
  [{ supported_call_types: ['completion', 'acompletion'] }, { callTypes: new Set(['acompletion']) }],
  [{ supported_call_types: ['aembedding', 'transcription'] }, { callTypes: new Set(['aembedding']) }],
])('%j is in force as %j', (params, expected) => {
  expect(settingsOf(params)).toMatchObject(expected)
})

test('an empty list of call types leaves Redis to others', () => {
  expect(settingsOf({ type: 'redis', supported_call_types: [] })).toBeUndefined()
})

test.each([
  's3',
  'gcs',
  'azure-blob',
  'disk',
  'redis-semantic',
  'valkey-semantic',
  'qdrant-semantic',
  'paper',
])('the store %s caches nothing, and a warning names it', (type) => {
  const loaded = load({ cache: true, cache_params: { type } })
  expect(cacheSettings(loaded.config)).toBeUndefined()
  expect(loaded.warnings.map(formatIssue).join('\n')).toMatch(
    new RegExp(`litellm_settings.cache_params.type: .*"${type}".*answers are not cached`),
  )
  expect(load({ cache: false, cache_params: { type } }).warnings).toEqual([])
})

test('call types that are not cached are named in a warning', () => {
  const loaded = load({
    cache: true,
    cache_params: { type: 'local', supported_call_types: ['atranscription', 'embeding', 'responses'] },
  })
  const warnings = loaded.warnings.map(formatIssue)
  expect(warnings).toHaveLength(2)
  expect(warnings[0]).toContain('"atranscription" are not cached')
  expect(warnings[1]).toContain('did you mean "embedding"?')
})
