/** What `include` joins, and what it refuses. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig } from './load-config.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-config-'))
  mkdirSync(join(directory, 'parts'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function write(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

test('lists are joined, maps merged key by key, paths taken from the including file', () => {
  const main = write(
    'main.yaml',
    `include: [parts/one.yaml, parts/two.yaml]
model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
router_settings: {num_retries: 1, timeout: 5}
`,
  )
  write(
    'parts/one.yaml',
    'include: deep.yaml\nmodel_list:\n  - {model_name: b, litellm_params: {model: openai/b}}\n',
  )
  write('parts/deep.yaml', 'model_list:\n  - {model_name: c, litellm_params: {model: openai/c}}\n')
  write('parts/two.yaml', 'router_settings: {timeout: 7}\n')
  const { config, files } = loadConfig(main, {})
  expect(config.model_list.map((entry) => entry.model_name)).toEqual(['a', 'b', 'c'])
  expect(config.router_settings).toMatchObject({ num_retries: 1, timeout: 7 })
  expect(files).toEqual(
    ['main.yaml', 'parts/one.yaml', 'parts/deep.yaml', 'parts/two.yaml'].map((name) => join(directory, name)),
  )
})

test('a fault in an included file is told with that file and its line', () => {
  const main = write('main.yaml', 'include: part.yaml\n')
  write('part.yaml', '\n\nrouter_settings:\n  num_retries: none\n')
  expect(() => loadConfig(main, {})).toThrow(/part\.yaml:4:3: error: router_settings\.num_retries/)
})

test('files that include each other are refused, with the circle', () => {
  const main = write('main.yaml', 'include: other.yaml\n')
  write('other.yaml', 'include: main.yaml\n')
  expect(() => loadConfig(main, {})).toThrow(
    /other\.yaml:1:\d+: error: include: .*circle: .*main\.yaml → .*other\.yaml → .*main\.yaml/,
  )
})

test('an included file that is missing is told at the place that names it', () => {
  const main = write('main.yaml', 'include:\n  - none.yaml\n')
  expect(() => loadConfig(main, {})).toThrow(/main\.yaml:2:5: error: include: .*none\.yaml cannot be read/)
})
