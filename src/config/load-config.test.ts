/** What a config file may say, and what is told about one that cannot be used. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigError, formatIssue } from './config-issue.ts'
import type { Environment } from './environment.ts'
import { defaultConfig, type LoadedConfig, loadConfig } from './load-config.ts'
import { parameterJson } from './setting.ts'

const PLATFORM = join(import.meta.dirname, '../../test/fixtures/config/platform.yaml')

const PLATFORM_ENVIRONMENT: Environment = {
  LITELLM_MASTER_KEY: 'sk-master-canary',
  OPENAI_API_KEY: 'openai-canary',
  ANTHROPIC_API_KEY: 'anthropic-canary',
}

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-config-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function write(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

function load(text: string, environment: Environment = {}): LoadedConfig {
  return loadConfig(write('config.yaml', text), environment)
}

function refusal(text: string, environment: Environment = {}): ConfigError {
  try {
    load(text, environment)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the config was not refused')
}

/** `line:column key` of each error. */
function errorPlaces(error: ConfigError): string[] {
  return error.issues
    .filter((issue) => issue.severity === 'error')
    .map((issue) => `${issue.line}:${issue.column} ${issue.key}`)
}

function warnedKeys(loaded: LoadedConfig, kind: string): string[] {
  return loaded.warnings.filter((issue) => issue.kind === kind).map((issue) => issue.key)
}

describe('a platform team’s config', () => {
  test('loads as it stands, with every value where it belongs', () => {
    const { config } = loadConfig(PLATFORM, PLATFORM_ENVIRONMENT)
    expect(config.general_settings.master_key?.reveal()).toBe('sk-master-canary')
    expect(config.general_settings.store_prompts_in_spend_logs).toBe(true)
    expect(config.litellm_settings).toMatchObject({
      require_auth_for_metrics_endpoint: false,
      prometheus_initialize_budget_metrics: true,
      prometheus_emit_stream_label: true,
      enable_end_user_cost_tracking_prometheus_only: true,
      callbacks: ['prometheus', 'otel', 'arize'],
      service_callback: ['prometheus_system'],
      cache: true,
      cache_params: { type: 'redis' },
    })
    expect(
      config.model_list.map((entry) => [
        entry.model_name,
        entry.provider,
        entry.litellm_params.model,
        entry.litellm_params.api_key?.reveal(),
      ]),
    ).toEqual([
      ['gpt-5-5', 'openai', 'openai/gpt-5-5', 'openai-canary'],
      ['claude-sonnet-4-6', 'anthropic', 'anthropic/claude-sonnet-4-6', 'anthropic-canary'],
    ])
  })

  test('warns of callbacks without their environment, and starts', () => {
    const loaded = loadConfig(PLATFORM, PLATFORM_ENVIRONMENT)
    expect(warnedKeys(loaded, 'environment')).toEqual([
      'litellm_settings.callbacks[1]',
      'litellm_settings.callbacks[2]',
    ])
    expect(loaded.warnings.map(formatIssue).join('\n')).toContain('ARIZE_API_KEY')
    expect(warnedKeys(loaded, 'not_in_force')).toEqual([])
  })

  test('is refused with key and variable for each reference to a variable that is not set', () => {
    const call = () => loadConfig(PLATFORM, { LITELLM_MASTER_KEY: 'sk-1' })
    expect(call).toThrow(
      /platform\.yaml:20:\d+: error: model_list\[0\]\.litellm_params\.api_key: .*OPENAI_API_KEY is not set/,
    )
    expect(call).toThrow(/ANTHROPIC_API_KEY is not set/)
  })
})

describe('faults', () => {
  test('are told all at once, each with the line and column of its key', () => {
    const error = refusal(`general_settings:
  master_key: abc
  store_prompts_in_spend_logs: maybe
router_settings:
  num_retries: three
model_list:
  - model_name: a
    litellm_params:
      model: openai/a
      timeout: {seconds: 3}
      api_key: os.environ/NOT_THERE
  - litellm_params: none
`)
    expect(errorPlaces(error)).toEqual([
      '2:3 general_settings.master_key',
      '3:3 general_settings.store_prompts_in_spend_logs',
      '5:3 router_settings.num_retries',
      '10:7 model_list[0].litellm_params.timeout',
      '11:16 model_list[0].litellm_params.api_key',
      '12:5 model_list[1].model_name',
      '12:5 model_list[1].litellm_params',
    ])
  })

  test('name file, line, key, expected and found', () => {
    const [issue] = refusal('litellm_settings:\n  num_retries: many\n').issues
    expect(issue).toMatchObject({
      file: join(directory, 'config.yaml'),
      line: 2,
      key: 'litellm_settings.num_retries',
      expected: 'a whole number from 0',
      found: 'the text "many"',
    })
  })

  test('of an alias that stands for no model are warnings, while a wildcard serves none of them', () => {
    const models = (name: string): string =>
      `model_list: [{model_name: "${name}", litellm_params: {model: openai/x, api_key: y}, model_info: {id: one}}]\n` +
      'router_settings: {model_group_alias: {a: gtp, b: gpt, c: {model: other}}}\n' +
      'litellm_settings: {model_alias_map: {d: b, e: one, f: gpt, g: other}}\n'
    const told = load(models('gpt')).warnings.map(({ key, hint }) => [key, hint])
    expect(told).toEqual([
      ['router_settings.model_group_alias.a', 'did you mean "gpt"?'],
      ['router_settings.model_group_alias.c', undefined],
      ['litellm_settings.model_alias_map.g', undefined],
    ])
    expect(load(models('*')).warnings).toEqual([])
  })

  test('of an unknown key are warnings that name it and the nearest known one', () => {
    const loaded = load('litellm_settings:\n  drop_parms: true\nmodel_lst: []\n')
    expect(loaded.warnings.map((issue) => [issue.line, issue.key, issue.hint])).toEqual([
      [2, 'litellm_settings.drop_parms', 'did you mean "drop_params"?'],
      [3, 'model_lst', 'did you mean "model_list"?'],
    ])
  })

  test('a key of LiteLLM that does nothing yet is a warning that says so', () => {
    const loaded = load(
      'general_settings:\n  allowed_ips: [10.0.0.1]\nguardrails: []\nrouter_settings:\n  fallbacks: []\n',
    )
    expect(warnedKeys(loaded, 'not_in_force')).toEqual([
      'general_settings.allowed_ips',
      'guardrails',
      'router_settings.fallbacks',
    ])
  })

  test('a key that does nothing yet, with the value that holds anyway, is no warning', () => {
    const text =
      'router_settings: {routing_strategy: simple-shuffle}\nlitellm_settings: {cache: false, json_logs: "true"}\n'
    expect(load(text).warnings).toEqual([])
    const other = load(
      'router_settings: {routing_strategy: least-busy}\nlitellm_settings: {json_logs: false}\n',
    )
    expect(warnedKeys(other, 'not_in_force')).toEqual([
      'router_settings.routing_strategy',
      'litellm_settings.json_logs',
    ])
  })

  test('of YAML itself are told with their line', () => {
    expect(errorPlaces(refusal('general_settings:\n  a: [1\nb: 2\n'))[0]).toMatch(/^[23]:/)
  })

  test('a key that stands twice is an error at the second place', () => {
    const error = refusal('general_settings:\n  master_key: sk-1\n  master_key: sk-2\n')
    expect(error.issues).toMatchObject([{ kind: 'duplicate_key', line: 3, column: 3 }])
    expect(error.message).toContain('first in line 2')
  })

  test('a file that does not exist is an error that names it', () => {
    expect(() => loadConfig(join(directory, 'none.yaml'), {})).toThrow(/none\.yaml cannot be read/)
  })

  test('nesting and aliases without end are refused, not followed', () => {
    expect(() => load('['.repeat(20_000))).toThrow(ConfigError)
    const bomb = Array.from({ length: 9 }, (_, level) => {
      const value =
        level === 0
          ? '[x,x,x,x,x,x,x,x,x]'
          : `[${Array(9)
              .fill(`*a${level - 1}`)
              .join(',')}]`
      return `a${level}: &a${level} ${value}\n`
    })
    expect(() => load(bomb.join(''))).toThrow(/aliases/)
  })

  test('a master key that does not begin with sk- is refused, also from the environment, and not shown', () => {
    const error = refusal('general_settings: {}\n', { LITELLM_MASTER_KEY: 'canary-master' })
    expect(error.message).toContain('starts with "sk-"')
    expect(error.message).toContain('LITELLM_MASTER_KEY')
    expect(inspect(error)).not.toContain('canary-master')
  })

  test('an empty file, and a file of comments, are configs without models', () => {
    expect(load('').config.model_list).toEqual([])
    expect(load('# nothing\n').config.model_list).toEqual([])
    expect(load('model_list:\nlitellm_settings:\n').config.model_list).toEqual([])
  })
})

describe('values', () => {
  test('from the environment become numbers and switches where those are expected', () => {
    const text = `router_settings:
  num_retries: os.environ/RETRIES
  timeout: os.environ/TIMEOUT
litellm_settings:
  turn_off_message_logging: os.environ/OFF
`
    const { config } = load(text, { RETRIES: '4', TIMEOUT: '2.5', OFF: 'True' })
    expect(config.router_settings).toMatchObject({ num_retries: 4, timeout: 2.5 })
    expect(config.litellm_settings.turn_off_message_logging).toBe(true)
  })

  test('from the environment that do not fit name the variable, never the value', () => {
    const error = refusal('router_settings:\n  timeout: os.environ/TIMEOUT\n', { TIMEOUT: 'canary-timeout' })
    expect(error.message).toContain(
      'expected a number of seconds, found an unfit text from the variable TIMEOUT',
    )
    expect(error.message).not.toContain('canary-timeout')
  })

  test('in quotes, and the words of YAML 1.1, are read as what they say', () => {
    const { config } = load('router_settings:\n  num_retries: "5"\nlitellm_settings:\n  drop_params: yes\n')
    expect(config.router_settings.num_retries).toBe(5)
    expect(config.litellm_settings.drop_params).toBe(true)
  })

  test.each([
    ['30s', 30],
    ['15m', 900],
    ['12h', 43_200],
    ['7d', 604_800],
    ['1mo', 2_592_000],
    ['90', 90],
  ])('the duration %s is %d seconds', (text, seconds) => {
    const { config } = load(`general_settings:\n  maximum_spend_logs_retention_period: ${text}\n`)
    expect(config.general_settings.maximum_spend_logs_retention_period).toBe(seconds)
  })

  test('of environment_variables resolve references, and win over the process environment', () => {
    const text = `environment_variables:
  UPSTREAM: http://localhost:1
  COPY: os.environ/OUTER
  PORT_NUMBER: 4000
model_list:
  - model_name: a
    litellm_params: {model: openai/a, api_base: os.environ/UPSTREAM, api_key: os.environ/COPY}
`
    const { config } = load(text, { UPSTREAM: 'http://other', OUTER: 'from outside' })
    expect(config.model_list[0]?.litellm_params.api_base).toBe('http://localhost:1')
    expect(config.model_list[0]?.litellm_params.api_key?.reveal()).toBe('from outside')
    expect(config.environment_variables['PORT_NUMBER']?.reveal()).toBe('4000')
  })

  test('retries and time-out: router_settings, then litellm_settings, then the environment, then the default', () => {
    expect(load('').config.router_settings).toMatchObject({ num_retries: 2, timeout: 600 })
    expect(load('', { REQUEST_TIMEOUT: '30' }).config.router_settings.timeout).toBe(30)
    const both = 'litellm_settings: {num_retries: 1, request_timeout: 9}\nrouter_settings: {num_retries: 0}\n'
    expect(load(both).config.router_settings).toMatchObject({ num_retries: 0, timeout: 9 })
  })

  test('YAML merge keys give what they name, and own keys win', () => {
    const text = `model_list:
  - model_name: a
    litellm_params: &base {model: openai/a, timeout: 3, temperature: 0.5}
  - model_name: b
    litellm_params:
      <<: *base
      timeout: 7
`
    const second = load(text).config.model_list[1]?.litellm_params
    expect(second).toMatchObject({ model: 'openai/a', timeout: 7, rest: { temperature: 0.5 } })
  })
})

describe('the environment alone', () => {
  test('gives master key and database where there is no file', () => {
    const { config } = defaultConfig({
      LITELLM_MASTER_KEY: 'sk-1',
      DATABASE_HOST: 'db.internal',
      DATABASE_PORT: '5433',
      DATABASE_NAME: 'gateway',
      DATABASE_USERNAME: 'us er',
      DATABASE_PASSWORD: 'p@ss/word#1',
    })
    expect(config.model_list).toEqual([])
    expect(config.general_settings.master_key?.reveal()).toBe('sk-1')
    expect(config.general_settings.database_url?.reveal()).toBe(
      'postgresql://us%20er:p%40ss%2Fword%231@db.internal:5433/gateway',
    )
  })

  test('a DATABASE_URL with an unencoded password gives way to the parts', () => {
    const { config } = defaultConfig({
      DATABASE_URL: 'postgresql://user:pa/ss@word@host:x/name',
      DATABASE_HOST: 'host',
      DATABASE_NAME: 'name',
      DATABASE_USERNAME: 'user',
      DATABASE_PASSWORD: 'pa/ss@word',
    })
    expect(config.general_settings.database_url?.reveal()).toBe('postgresql://user:pa%2Fss%40word@host/name')
  })

  test('has two names of the master key, of which LiteLLM’s own wins', () => {
    const keyOf = (environment: Record<string, string>) =>
      load('model_list: []\n', environment).config.general_settings.master_key?.reveal()
    expect(keyOf({ PROXY_MASTER_KEY: 'sk-chart' })).toBe('sk-chart')
    expect(keyOf({ PROXY_MASTER_KEY: 'sk-chart', LITELLM_MASTER_KEY: 'sk-own' })).toBe('sk-own')
  })

  test('gives way to the file', () => {
    const text = 'general_settings:\n  master_key: sk-file\n  database_url: postgres://file/db\n'
    const { general_settings } = load(text, {
      LITELLM_MASTER_KEY: 'sk-env',
      DATABASE_URL: 'postgres://env/db',
    }).config
    expect(general_settings.master_key?.reveal()).toBe('sk-file')
    expect(general_settings.database_url?.reveal()).toBe('postgres://file/db')
  })
})

describe('secrets', () => {
  const text = `general_settings:
  master_key: sk-canary
  database_url: postgresql://u:canary@h/d
credential_list:
  - credential_name: shared
    credential_values: {api_key: canary}
    credential_info: {note: os.environ/CANARY}
environment_variables: {TOKEN: canary}
litellm_settings:
  cache_params: {type: redis, password: canary, url: "redis://:canary@h"}
model_list:
  - model_name: a
    litellm_params:
      model: openai/a
      api_key: canary
      extra_headers: {x-token: canary}
      metadata: {tenant: os.environ/CANARY}
    model_info: {note: os.environ/CANARY}
`

  test('are printed by no way of turning a config into text', () => {
    const { config } = load(text, { CANARY: 'canary-variable' })
    for (const shown of [inspect(config, { depth: 20, showHidden: true }), JSON.stringify(config)]) {
      expect(shown).not.toContain('canary')
    }
  })

  test('of a provider’s parameters are in the bytes for the provider', () => {
    const { config } = load(text, { CANARY: 'canary-variable' })
    const metadata = config.model_list[0]?.litellm_params.rest['metadata']
    expect(parameterJson(metadata ?? null)).toBe('{"tenant":"canary-variable"}')
  })

  test('of a wrong type or in a wrong place are not repeated by the error', () => {
    const error = refusal(
      `general_settings: {master_key: [sk-canary], database_url: canary-url}
model_list:
  - model_name: os.environ/CANARY
    litellm_params: {model: os.environ/CANARY, api_base: os.environ/CANARY, litellm_credential_name: os.environ/CANARY}
litellm_settings: {callbacks: [os.environ/CANARY], failure_callback: os.environ/CANARY}
`,
      { CANARY: 'canary-variable' },
    )
    expect(errorPlaces(error)).toHaveLength(4)
    expect(inspect(error) + JSON.stringify(error.issues)).not.toContain('canary')
  })
})
