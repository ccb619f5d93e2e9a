/** Models and credentials of the old database, opened and written as a part of a config file. */
import { createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load-config.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { countsOf, importInto, remarksOf } from './imported.ts'
import { LitellmDatabase } from './litellm-database.ts'
import { fillSample } from './sample-rows.ts'
import { parse } from 'yaml'

const SALT_KEY = 'salt-of-the-tests'

/** Boxes of TweetNaCl 1.0.3 with SHA-256 of that key; nonces are 24 equal bytes. */
const BOXES = {
  'openai/gpt-5.5': 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBoDIaen+ZFi1q7Ba838pXWBucxUEeuGrJKexaiGlG',
  'sk-provider-openai': 'AgICAgICAgICAgICAgICAgICAgICAgICOjHoBqH9D4jW6EsUT/iu7xsCFky+FlZ8ItNz3Hc/rkc0YQ==',
  'https://api.example.com/v1':
    'AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDxaZZzfzaBEYUNVDXSM049g1dVQ4gc/FtLvdIhYNyR/fk/b36gim569lR',
  'sk-ant-provider': 'BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEeoPcBV13BuDxYoIQhfqAvxySknT0rXuFEJuU0iIf7A==',
} as const

/** As newer versions write: AES-256-GCM, with a key by HKDF or by SHA-256. */
function gcm(version: 2 | 3, text: string): string {
  const key =
    version === 3
      ? Buffer.from(hkdfSync('sha256', SALT_KEY, '', 'litellm-at-rest-v3', 32))
      : createHash('sha256').update(SALT_KEY).digest()
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const box = Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()])
  return `v${version}:gcm:${box.toString('base64url')}`
}

let server: TestPostgresql
let old: LitellmDatabase
let directory: string
let url: string

beforeAll(async () => {
  server = await startPostgresql()
})

afterAll(async () => await server?.[Symbol.asyncDispose]())

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-models-'))
  old = await LitellmDatabase.create(await server.createDatabase())
  await fillSample(old)
  const urlSafe = BOXES['sk-provider-openai'].replaceAll('+', '-').replaceAll('/', '_')
  await old.insert('LiteLLM_ProxyModelTable', [
    {
      model_id: 'm-1',
      model_name: 'gpt',
      litellm_params: {
        model: BOXES['openai/gpt-5.5'],
        api_key: urlSafe,
        api_base: BOXES['https://api.example.com/v1'],
        rpm: 100,
        input_cost_per_token: 0.000002,
        organization: null,
      },
      model_info: { id: 'm-1', db_model: true, base_model: 'gpt-5.5' },
    },
    {
      model_id: 'm-2',
      model_name: 'claude',
      litellm_params: {
        model: gcm(3, 'anthropic/claude-sonnet-4-6'),
        litellm_credential_name: gcm(2, 'Anthropic'),
        extra_headers: { 'x-team': gcm(3, 'header-secret') },
      },
      model_info: JSON.stringify({ access_groups: ['all'] }),
    },
    {
      model_id: 'm-3',
      model_name: 'plain',
      litellm_params: { model: 'openai/plain', api_key: 'os.environ/PLAIN_KEY' },
    },
    { model_id: 'm-4', model_name: 'off', litellm_params: { model: 'openai/off' }, blocked: true },
    {
      model_id: 'm-5',
      model_name: 'theirs',
      litellm_params: { model: 'openai/x' },
      model_info: { team_id: 'team-1' },
    },
  ])
  await old.insert('LiteLLM_CredentialsTable', [
    {
      credential_id: 'c-1',
      credential_name: 'Anthropic',
      credential_values: { api_key: BOXES['sk-ant-provider'], api_base: gcm(3, 'https://api.anthropic.com') },
      credential_info: { description: 'ours' },
    },
  ])
  url = await server.createDatabase()
})

afterEach(async () => {
  await old.close()
  rmSync(directory, { recursive: true, force: true })
})

/** The config file that includes what was written, as a start reads it. */
function loaded(file: string, environment: Record<string, string>) {
  const main = join(directory, 'config.yaml')
  writeFileSync(main, `include: [${file}]\ngeneral_settings: { master_key: sk-master }\n`)
  return loadConfig(main, environment)
}

function environmentOf(file: string): Record<string, string> {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

test('models and credentials become a config part that a start takes, with secrets from the environment', async () => {
  const file = join(directory, 'models.yaml')
  const report = await importInto(url, old.url, {
    saltKey: SALT_KEY,
    models: { file, inlineSecrets: false },
  })
  expect(report.files).toEqual([file, `${file}.env`])
  for (const written of report.files) expect(statSync(written).mode & 0o777).toBe(0o600)
  const text = readFileSync(file, 'utf8')
  for (const secret of ['sk-provider', 'sk-ant', 'header-secret']) {
    expect(text).not.toContain(secret)
    expect(JSON.stringify(report)).not.toContain(secret)
  }
  expect(parse(text)).toEqual({
    model_list: [
      {
        model_name: 'gpt',
        litellm_params: {
          model: 'openai/gpt-5.5',
          api_key: 'os.environ/IMPORTED_GPT_API_KEY',
          api_base: 'https://api.example.com/v1',
          rpm: 100,
          input_cost_per_token: 0.000002,
        },
        model_info: { id: 'm-1', base_model: 'gpt-5.5' },
      },
      {
        model_name: 'claude',
        litellm_params: {
          model: 'anthropic/claude-sonnet-4-6',
          litellm_credential_name: 'Anthropic',
          extra_headers: { 'x-team': 'os.environ/IMPORTED_CLAUDE_EXTRA_HEADERS_X_TEAM' },
        },
        model_info: { id: 'm-2', access_groups: ['all'] },
      },
      {
        model_name: 'plain',
        litellm_params: { model: 'openai/plain', api_key: 'os.environ/PLAIN_KEY' },
        model_info: { id: 'm-3' },
      },
    ],
    credential_list: [
      {
        credential_name: 'Anthropic',
        credential_values: {
          api_key: 'os.environ/IMPORTED_ANTHROPIC_API_KEY',
          api_base: 'https://api.anthropic.com',
        },
        credential_info: { description: 'ours' },
      },
    ],
  })
  const environment = environmentOf(`${file}.env`)
  expect(Object.values(environment).toSorted()).toEqual([
    'header-secret',
    'sk-ant-provider',
    'sk-provider-openai',
  ])
  const { config } = loaded('models.yaml', { ...environment, PLAIN_KEY: 'sk-plain' })
  expect(config.model_list.map((model) => model.model_name)).toEqual(['gpt', 'claude', 'plain'])
  expect(remarksOf(report)).toEqual(
    expect.arrayContaining([
      'models: off (m-4): is blocked: a model of the config file cannot be',
      'models: theirs (m-5): belongs to one team: a model of the config file is for all',
    ]),
  )
})

test('secrets stand in the config part itself by choice, and a second run writes the same', async () => {
  const file = join(directory, 'models.yaml')
  const options = { saltKey: SALT_KEY, models: { file, inlineSecrets: true } }
  expect((await importInto(url, old.url, options)).files).toEqual([file])
  const first = readFileSync(file, 'utf8')
  expect(loaded('models.yaml', { PLAIN_KEY: 'sk-plain' }).config.credential_list).toHaveLength(1)
  expect(first).toContain('sk-provider-openai')
  await importInto(url, old.url, options)
  expect(readFileSync(file, 'utf8')).toBe(first)
})

test.each([
  ['a wrong salt key', 'another salt key', /LITELLM_SALT_KEY to the old one/],
  ['no salt key', undefined, /Set LITELLM_SALT_KEY/],
])('%s is told with the rows that it does not open, and nothing is written', async (_, saltKey, advice) => {
  const file = join(directory, 'models.yaml')
  const failed = importInto(url, old.url, { saltKey, models: { file, inlineSecrets: false } })
  await expect(failed).rejects.toThrow(
    /model gpt \(m-1\): model\n.*model claude \(m-2\): model, .*\n.*credential Anthropic: /,
  )
  await expect(failed).rejects.toThrow(advice)
  const users = await importInto(url, old.url, { dryRun: true })
  expect(countsOf(users)['users']).toContain('4 new')
})

test('a file that no import has written is not overwritten', async () => {
  const file = join(directory, 'models.yaml')
  writeFileSync(file, 'model_list: []\n')
  const models = { file, inlineSecrets: false }
  await expect(importInto(url, old.url, { saltKey: SALT_KEY, models })).rejects.toThrow(/is there already/)
  expect(readFileSync(file, 'utf8')).toBe('model_list: []\n')
})

test('a dry run opens everything, and writes no file', async () => {
  const file = join(directory, 'models.yaml')
  const models = { file, inlineSecrets: false }
  const report = await importInto(url, old.url, { dryRun: true, saltKey: SALT_KEY, models })
  expect(countsOf(report)['models']).toBe('5: 3 new, 0 changed, 0 same, 2 skipped')
  expect(() => statSync(file)).toThrow(/ENOENT/)
})
