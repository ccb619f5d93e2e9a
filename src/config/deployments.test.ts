/** What becomes of the entries of `model_list`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Environment } from './environment.ts'
import { type LoadedConfig, loadConfig } from './load-config.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-config-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function load(text: string, environment: Environment = {}): LoadedConfig {
  const path = join(directory, 'config.yaml')
  writeFileSync(path, text)
  return loadConfig(path, environment)
}

test('parameters are sorted into the gateway’s own, prices, and the provider’s', () => {
  const { config, warnings } = load(`model_list:
  - model_name: a
    litellm_params:
      model: openai/a
      temperature: 0.2
      max_tokens: 100
      input_cost_per_token: 1e-6
      aws_secret_access_key: hidden
      max_file_size_mb: 5
      empty:
    model_info:
      output_cost_per_token: "0.000002"
      input_cost_per_token: 9
      mode: chat
      owner: team one
`)
  const entry = config.model_list[0]
  expect(entry?.litellm_params.rest).toEqual({ temperature: 0.2, max_tokens: 100 })
  expect(entry?.prices).toEqual({ input_cost_per_token: 1e-6, output_cost_per_token: 0.000002 })
  expect(entry?.model_info).toMatchObject({ mode: 'chat', rest: { owner: 'team one' } })
  expect(warnings.map((issue) => issue.key)).toEqual([
    'model_list[0].litellm_params.aws_secret_access_key',
    'model_list[0].litellm_params.max_file_size_mb',
  ])
})

test('a credential fills in what the deployment does not say itself', () => {
  const { config } = load(`credential_list:
  - credential_name: shared
    credential_values: {api_key: k1, api_base: "http://one/v1"}
model_list:
  - model_name: a
    litellm_params: {model: openai/a, litellm_credential_name: shared}
  - model_name: b
    litellm_params: {model: openai/b, litellm_credential_name: shared, api_key: k2}
`)
  const shown = config.model_list.map(({ litellm_params: params }) => [
    params.api_key?.reveal(),
    params.api_base,
  ])
  expect(shown).toEqual([
    ['k1', 'http://one/v1'],
    ['k2', 'http://one/v1'],
  ])
})

test('a credential that does not exist is an error that lists those that do', () => {
  const text = `credential_list:
  - {credential_name: shared, credential_values: {}}
model_list:
  - model_name: a
    litellm_params: {model: openai/a, litellm_credential_name: shard}
`
  expect(() => load(text)).toThrow(/no credential has the name "shard"/)
})

test('key and base URL come from the provider’s variables when the file is silent', () => {
  const text = `model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: anthropic/b}}
  - {model_name: c, litellm_params: {model: claude-c, api_key: own}}
`
  const { config } = load(text, {
    OPENAI_API_KEY: 'one',
    OPENAI_API_BASE: 'http://proxy/v1',
    ANTHROPIC_AUTH_TOKEN: 'two',
  })
  expect(
    config.model_list.map((entry) => [
      entry.provider,
      entry.litellm_params.api_key?.reveal(),
      entry.litellm_params.api_base,
      entry.api_key_variable,
    ]),
  ).toEqual([
    ['openai', 'one', 'http://proxy/v1', 'OPENAI_API_KEY'],
    ['anthropic', 'two', undefined, 'ANTHROPIC_AUTH_TOKEN'],
    ['anthropic', 'own', undefined, undefined],
  ])
})

test('an id is the same after every load and after a rotation of a key in the environment', () => {
  const text = `model_list:
  - {model_name: a, litellm_params: {model: openai/a, api_key: os.environ/KEY}}
  - {model_name: a, litellm_params: {model: openai/a, api_key: other}}
`
  const ids = (key: string) => load(text, { KEY: key }).config.model_list.map((entry) => entry.model_info.id)
  expect(ids('one')).toEqual(ids('two'))
  expect(new Set(ids('one')).size).toBe(2)
  expect(ids('one')[0]).toMatch(/^[0-9a-f]{64}$/)
})

test('equal entries, and entries of the same id, are deployments of their own', () => {
  const loaded = load(`model_list:
  - {model_name: a, litellm_params: {model: openai/a}, model_info: {id: x}}
  - {model_name: b, litellm_params: {model: openai/b}, model_info: {id: x}}
  - {model_name: c, litellm_params: {model: openai/c}}
  - {model_name: c, litellm_params: {model: openai/c}}
`)
  expect(new Set(loaded.config.model_list.map((entry) => entry.model_info.id)).size).toBe(4)
  expect(loaded.warnings.map((issue) => issue.key)).toEqual(['model_list[1].model_info.id'])
})

test('a list of organizations makes one deployment of each', () => {
  const { config } = load(`model_list:
  - {model_name: a, litellm_params: {model: openai/a, organization: [org-1, org-2]}}
`)
  expect(config.model_list.map((entry) => entry.litellm_params.organization)).toEqual(['org-1', 'org-2'])
  expect(new Set(config.model_list.map((entry) => entry.model_info.id)).size).toBe(2)
})

test('wildcards and aliases are kept as they stand', () => {
  const { config } = load(`model_list:
  - {model_name: "*", litellm_params: {model: "*"}}
  - {model_name: "custom/*", litellm_params: {model: "openai/*"}}
router_settings:
  model_group_alias:
    fast: gpt-5-5
    hidden-one: {model: gpt-5-5, hidden: true}
litellm_settings:
  model_alias_map: {old: new}
`)
  expect(config.model_list.map((entry) => [entry.model_name, entry.provider])).toEqual([
    ['*', '*'],
    ['custom/*', 'openai'],
  ])
  expect(config.router_settings.model_group_alias).toEqual({
    fast: 'gpt-5-5',
    'hidden-one': { model: 'gpt-5-5', hidden: true },
  })
  expect(config.litellm_settings.model_alias_map).toEqual({ old: 'new' })
})

test('a provider that is not known, or needs a base URL, is a warning that says what to do', () => {
  const { warnings } = load(`model_list:
  - {model_name: a, litellm_params: {model: opneai/a}}
  - {model_name: b, litellm_params: {model: hosted_vllm/b}}
`)
  expect(warnings.map((issue) => [issue.line, issue.hint])).toEqual([
    [2, 'did you mean "openai"?'],
    [3, 'set api_base or HOSTED_VLLM_API_BASE'],
  ])
})

test('a base URL that is none is an error', () => {
  const text =
    'model_list:\n  - {model_name: a, litellm_params: {model: openai/a, api_base: localhost:8000}}\n'
  expect(() => load(text)).toThrow(/2:\d+: error: model_list\[0\].litellm_params.api_base: expected a URL/)
})

test('a parameter named __proto__ changes no prototype', () => {
  const { config } = load(`model_list:
  - model_name: a
    litellm_params: {model: openai/a, __proto__: {polluted: true}}
`)
  const rest = config.model_list[0]?.litellm_params.rest
  expect(Object.keys(rest ?? {})).toEqual(['__proto__'])
  expect(Object.getPrototypeOf(rest)).toBe(Object.prototype)
})
