import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../config/load-config.ts'
import type { AttemptFacts } from '../record/call-record.ts'
import type { Deployment } from './deployment.ts'
import { DeploymentTable, type GroupAlias } from './deployment-table.ts'
import { DeploymentPool } from './deployment-pool.ts'

const directories: string[] = []

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
})

function tableOf(yaml: string, aliases: readonly (readonly [string, GroupAlias])[] = []): DeploymentTable {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-table-'))
  directories.push(directory)
  const file = join(directory, 'config.yaml')
  writeFileSync(file, yaml)
  return new DeploymentTable(loadConfig(file, {}).config.model_list, new Map(aliases), {
    priceOf: () => undefined,
    timeoutMs: 600_000,
    streamTimeoutMs: undefined,
  })
}

const TWO = `
model_list:
  - model_name: gpt
    litellm_params: { model: openai/gpt-a, api_base: 'http://one.test/v1', api_key: k, weight: 3, temperature: 0.5 }
    model_info: { id: one }
  - model_name: gpt
    litellm_params: { model: openai/gpt-b, api_base: 'http://two.test/v1/', api_key: k, weight: 1 }
    model_info: { id: two }
`

describe('finding what a client calls', () => {
  test('a model group holds all deployments of its name', () => {
    expect(
      tableOf(TWO)
        .find('gpt')
        ?.deployments.map((one) => one.facts.upstreamModel),
    ).toEqual(['gpt-a', 'gpt-b'])
  })

  test('a deployment id pins that deployment', () => {
    expect(
      tableOf(TWO)
        .find('two')
        ?.deployments.map((one) => one.facts.modelId),
    ).toEqual(['two'])
  })

  test('an alias finds its group, and a hidden one is not listed', () => {
    const table = tableOf(TWO, [
      ['short', { group: 'gpt', hidden: false }],
      ['secret', { group: 'gpt', hidden: true }],
    ])
    expect(table.find('secret')?.name).toBe('gpt')
    expect(table.offered().map((offer) => offer.name)).toEqual(['gpt', 'short'])
  })

  test('an unknown name finds nothing, and neither do names of Object', () => {
    const table = tableOf(TWO)
    expect(['nope', 'constructor', '__proto__', ''].map((name) => table.find(name))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  test('an entry of an unknown provider is a fault that names it, and the others serve', () => {
    const table = tableOf(`${TWO}  - model_name: odd\n    litellm_params: { model: nowhere/x }\n`)
    expect(table.faults.map((fault) => fault.modelName)).toEqual(['odd'])
    expect(table.faults[0]?.message).toContain('"nowhere" is not known')
    expect(table.find('gpt')).toBeDefined()
  })
})

describe('wildcards', () => {
  const WILD = `
model_list:
  - model_name: 'openai/*'
    litellm_params: { model: 'openai/*', api_base: 'http://one.test/v1', api_key: k }
  - model_name: 'openai/gpt-*'
    litellm_params: { model: 'openai/ft-*', api_base: 'http://two.test/v1', api_key: k }
  - model_name: 'openai/gpt-exact'
    litellm_params: { model: 'openai/other', api_base: 'http://three.test/v1', api_key: k }
  - model_name: '*'
    litellm_params: { model: '*', api_key: k }
`

  test.each([
    ['openai/o9', 'openai', 'o9'],
    ['openai/gpt-5', 'openai', 'ft-5'],
    ['openai/gpt-exact', 'openai', 'other'],
    ['anthropic/claude-x', 'anthropic', 'claude-x'],
  ])(
    '%s goes to %s as %s: the most specific pattern wins, and exact names always',
    (name, provider, upstream) => {
      const facts = tableOf(WILD).find(name)?.deployments[0]?.facts
      expect([facts?.provider, facts?.upstreamModel, facts?.modelGroup]).toEqual([provider, upstream, name])
    },
  )

  test('a name without a known provider matches no catch-all', () => {
    expect(tableOf(WILD).find('mystery/model')).toBeUndefined()
  })

  test('a very long name is refused without being matched', () => {
    expect(tableOf(WILD).find(`openai/${'a'.repeat(100_000)}`)).toBeUndefined()
  })
})

describe('a deployment made concrete', () => {
  test('paths are joined to the base however it ends', () => {
    const [one, two] = tableOf(TWO).find('gpt')?.deployments ?? []
    expect(one?.paths['openai-chat']).toBe('/v1/chat/completions')
    expect(two?.paths['openai-chat']).toBe('/v1/chat/completions')
    expect(one?.paths['anthropic-messages']).toBeUndefined()
  })

  test.each(['http://a.test', 'http://a.test/', 'http://a.test/v1', 'http://a.test/v1/messages'])(
    'an Anthropic base may be written as %s',
    (base) => {
      const table = tableOf(
        `model_list:\n  - model_name: c\n    litellm_params: { model: anthropic/c, api_base: '${base}', api_key: k }\n`,
      )
      const paths = table.find('c')?.deployments[0]?.paths
      expect([paths?.['anthropic-messages'], paths?.['anthropic-count-tokens']]).toEqual([
        '/v1/messages',
        '/v1/messages/count_tokens',
      ])
    },
  )

  test('credentials are in the dialect of the provider, and further parameters are defaults', () => {
    const [one] = tableOf(TWO).find('gpt')?.deployments ?? []
    expect(one?.headers).toEqual(['authorization', 'Bearer k'])
    expect(one?.defaults).toEqual([['temperature', '0.5']])
  })
})

describe('picking a deployment', () => {
  const deployments = (): readonly Deployment[] => tableOf(TWO).find('gpt')?.deployments ?? []
  const failedAt = (deployment: Deployment | undefined): AttemptFacts[] =>
    deployment === undefined
      ? []
      : [{ deployment: deployment.facts, startedAtMs: 0, endedAtMs: 1, httpStatus: 500, errorClass: 'X' }]

  test('weights share the calls', () => {
    const all = deployments()
    expect(
      [0, 0.5, 0.74, 0.76, 0.99].map((random) => new DeploymentPool(all).pick([], random)?.facts.modelId),
    ).toEqual(['one', 'one', 'one', 'two', 'two'])
  })

  test('a deployment that failed is not taken while another is left', () => {
    const all = deployments()
    expect(new DeploymentPool(all).pick(failedAt(all[0]), 0)?.facts.modelId).toBe('two')
  })

  test('when all have failed, all may be tried again', () => {
    const all = deployments()
    expect(new DeploymentPool(all).pick([...failedAt(all[0]), ...failedAt(all[1])], 0)?.facts.modelId).toBe(
      'one',
    )
  })
})
