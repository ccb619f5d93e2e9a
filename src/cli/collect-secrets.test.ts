import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../config/load-config.ts'
import { collectSecrets } from './collect-secrets.ts'

function secretsOf(yaml: string): readonly string[] {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-secrets-'))
  try {
    const file = join(directory, 'config.yaml')
    writeFileSync(file, yaml)
    return collectSecrets(loadConfig(file, {}).config)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('keys, and the passwords of URLs, are secrets wherever they stand', () => {
  const secrets = secretsOf(
    'general_settings: { master_key: sk-master, database_url: "postgresql://u:pass%21word@h/d" }\n' +
      'model_list: [{ model_name: a, litellm_params: { model: openai/x, api_key: provider-key } }]\n' +
      'environment_variables: { SOME_KEY: from-the-file }\n',
  )
  for (const secret of ['sk-master', 'pass%21word', 'pass!word', 'provider-key', 'from-the-file'])
    expect(secrets).toContain(secret)
})

test.each([
  ['OPENAI_API_BASE', 'https://llm.example.com/v1'],
  ['REDIS_HOST', 'redis-primary.example'],
  ['REDIS_PORT', '"6379"'],
  ['AWS_REGION_NAME', 'eu-central-1'],
  ['AZURE_API_VERSION', '2024-10-21'],
])('the variable %s with an address is none', (name, value) => {
  expect(secretsOf(`environment_variables: { ${name}: ${value} }`)).toEqual([])
})

test.each([
  ['OPENAI_API_BASE', 'https://user:word@llm.example.com/v1'],
  ['OPENAI_API_BASE', 'https://llm.example.com/v1?key=word'],
  ['REDIS_URL', 'redis://redis.example'],
  ['SLACK_WEBHOOK_URL', 'https://hooks.example.com/services/T/B/x'],
  ['HOST_PASSWORD', 'word-of-the-host'],
  ['PROXY_HOST', '"a sentence with spaces"'],
])('the variable %s with %j is one', (name, value) => {
  expect(secretsOf(`environment_variables: { ${name}: ${value} }`)).toContain(value.replaceAll('"', ''))
})
