import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadConfig } from '../config/load-config.ts'
import { DeploymentTable } from '../routing/deployment-table.ts'
import { exampleCurl, exampleModel, inQuotes, type ExampleModel } from './example-call.ts'

function exampleOf(entries: readonly object[]): ExampleModel | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-example-'))
  const file = join(directory, 'config.yaml')
  writeFileSync(file, JSON.stringify({ model_list: entries }))
  const { model_list: list } = loadConfig(file, {}).config
  rmSync(directory, { recursive: true })
  const options = { priceOf: () => undefined, timeoutMs: 600_000, streamTimeoutMs: undefined }
  return exampleModel(new DeploymentTable(list, new Map(), options), list)
}

function entry(name: string, model: string, info: object = {}): object {
  return { model_name: name, litellm_params: { model, api_key: 'k' }, model_info: info }
}

const EMBEDDER = entry('embedder', 'openai/e', { mode: 'embedding' })

test('the model to try is the first that answers a chat', () => {
  expect(exampleOf([EMBEDDER, entry('gpt', 'openai/g')])).toEqual({ name: 'gpt', api: 'chat' })
})

test('an Anthropic model is tried by the API that it speaks', () => {
  const example = exampleOf([entry('claude', 'anthropic/c'), entry('gpt', 'openai/g')])
  expect(example).toEqual({ name: 'claude', api: 'messages' })
  const line = exampleCurl({ url: 'http://localhost:4000', masterKeyInShell: '$KEY', example })
  expect(line).toMatch(/^curl http:\/\/localhost:4000\/v1\/messages .*"max_tokens":1000/)
})

test('with nothing but wildcards and embeddings, the line lists the models', () => {
  const example = exampleOf([EMBEDDER, entry('gpt-*', 'openai/*')])
  expect(example).toBeUndefined()
  expect(exampleCurl({ url: 'http://localhost:4000', masterKeyInShell: '$KEY', example })).toBe(
    'curl http://localhost:4000/v1/models -H "Authorization: Bearer $KEY"',
  )
})

test('a quoted text reaches the program unchanged, whatever it holds', () => {
  const text = fc.string({ unit: 'grapheme-ascii' })
  fc.assert(
    fc.property(text, (word) => {
      expect(execFileSync('sh', ['-c', `printf %s ${inQuotes(word)}`], { encoding: 'utf8' })).toBe(word)
    }),
    { numRuns: 30 },
  )
})
