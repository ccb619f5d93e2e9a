import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load-config.ts'
import { parseDollars } from '../money/picodollars.ts'
import { configuredLimits, limitSettings } from './gateway-limits.ts'

const directories: string[] = []
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

function configOf(text: string): Config {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-limits-'))
  directories.push(directory)
  const file = join(directory, 'config.yaml')
  writeFileSync(file, text)
  return loadConfig(file, {}).config
}

const MODELS = `
model_list:
  - model_name: gpt
    litellm_params: { model: openai/gpt, api_key: k, rpm: 6, tpm: 900 }
    model_info: { id: plain }
  - model_name: gpt
    litellm_params: { model: openai/gpt, api_key: k, max_parallel_requests: 4, max_budget: 2.5, budget_duration: 1d }
    model_info: { id: limited }
`

test('without limits nothing is limited', () => {
  expect(configuredLimits(configOf('model_list: []'))).toEqual([])
  expect(limitSettings(configOf(''))).toEqual({
    ratesOnStoreLoss: 'local',
    budgetsOnStoreLoss: 'local',
    countedTokens: 'total',
    reservesBudgets: true,
  })
})

test('deployments are limited in parallel calls and budget, and by rpm and tpm only where these are limits', () => {
  const limited = { id: 'limited', label: 'gpt (limited)', parallelRequests: 4n, duration: '1d' }
  const plain = { id: 'plain', requestsPerMinute: 6n, tokensPerMinute: 900n }
  expect(configuredLimits(configOf(MODELS))).toMatchObject([{ ...limited, maxBudget: parseDollars(2.5) }])
  for (const settings of [
    'optional_pre_call_checks: [enforce_model_rate_limits]',
    'routing_strategy: usage-based-routing-v2',
  ]) {
    const config = configOf(`${MODELS}\nrouter_settings: { ${settings} }`)
    expect(configuredLimits(config)).toMatchObject([plain, limited])
  }
})

test('providers have budgets, by either name of the amount and the time', () => {
  const config = configOf(`
router_settings:
  provider_budget_config:
    openai: { budget_limit: 100, time_period: 1d }
    anthropic: { max_budget: 7.5, budget_duration: 1mo }
`)
  expect(configuredLimits(config)).toMatchObject([
    { kind: 'provider', id: 'openai', maxBudget: parseDollars(100), duration: '1d' },
    { kind: 'provider', id: 'anthropic', maxBudget: parseDollars(7.5), duration: '1mo' },
  ])
})

test('the gateway has a budget and a number of calls at a time, and a budget of zero is none', () => {
  const config = configOf(`
general_settings: { global_max_parallel_requests: 9 }
litellm_settings: { max_budget: 50, budget_duration: 30d }
`)
  const proxy = { kind: 'proxy', id: 'proxy', parallelRequests: 9n, duration: '30d' }
  expect(configuredLimits(config)).toMatchObject([{ ...proxy, maxBudget: parseDollars(50) }])
  expect(configuredLimits(configOf('litellm_settings: { max_budget: 0 }'))).toEqual([])
})

test('a duration that budgets cannot have is an error that names the key', () => {
  expect(() => configOf('litellm_settings: { max_budget: 1, budget_duration: monthly }')).toThrow(
    /litellm_settings\.budget_duration.*expected a duration such as/s,
  )
})

test('what holds while Redis is lost is set for rates and budgets each, with LiteLLM’s key for budgets', () => {
  const settings = (text: string) => limitSettings(configOf(`general_settings: { ${text} }`))
  expect(settings('limits_on_store_loss: fail_closed')).toMatchObject({
    ratesOnStoreLoss: 'fail_closed',
    budgetsOnStoreLoss: 'fail_closed',
  })
  expect(settings('limits_on_store_loss: fail_open, budgets_on_store_loss: fail_closed')).toMatchObject({
    ratesOnStoreLoss: 'fail_open',
    budgetsOnStoreLoss: 'fail_closed',
  })
  expect(settings('fail_closed_budget_enforcement: true').budgetsOnStoreLoss).toBe('fail_closed')
  expect(
    settings('fail_closed_budget_enforcement: true, budgets_on_store_loss: local').budgetsOnStoreLoss,
  ).toBe('local')
})

test('which tokens count, and whether budgets are reserved, is LiteLLM’s to say by its own keys', () => {
  const settings = (text: string) => limitSettings(configOf(`general_settings: { ${text} }`))
  expect(settings('token_rate_limit_type: output').countedTokens).toBe('output')
  expect(settings('disable_budget_reservation: true').reservesBudgets).toBe(false)
})
