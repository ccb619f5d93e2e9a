/** What `sluice check` prints, and how it ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runCheck } from './check.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-check-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function check(text: string, json = false): { code: number; output: string; path: string } {
  const path = join(directory, 'config.yaml')
  writeFileSync(path, text)
  let output = ''
  const code = runCheck({ configPath: path, json }, {}, (part) => {
    output += part
  })
  return { code, output, path }
}

const MODELS = `model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: openai/b}}
`

test('a good config ends with 0 and the number of its models', () => {
  expect(check(MODELS)).toMatchObject({ code: 0, output: 'config OK (2 models)\n' })
})

test('warnings are printed and do not fail the check', () => {
  const { code, output, path } = check(`${MODELS}guardrails: []\n`)
  expect(code).toBe(0)
  expect(output).toBe(
    `${path}:4:1: warning: guardrails: "guardrails" is accepted, but not in force yet\nconfig OK (2 models)\n`,
  )
})

test('a bad config ends with 1 and one line for each fault, with place, key, expected and found', () => {
  const { code, output, path } = check('router_settings:\n  num_retries: many\n  timeout: [1]\n')
  expect(code).toBe(1)
  expect(output.split('\n')).toEqual([
    `${path}:2:3: error: router_settings.num_retries: expected a whole number from 0, found the text "many"`,
    `${path}:3:3: error: router_settings.timeout: expected a number of seconds, found a list`,
    'config has 2 errors',
    '',
  ])
})

test('--json gives the same to programs', () => {
  const { code, output } = check('router_settings:\n  num_retries: many\n', true)
  expect(code).toBe(1)
  expect(JSON.parse(output)).toMatchObject({
    ok: false,
    issues: [
      {
        severity: 'error',
        line: 2,
        column: 3,
        key: 'router_settings.num_retries',
        expected: 'a whole number from 0',
      },
    ],
  })
})
