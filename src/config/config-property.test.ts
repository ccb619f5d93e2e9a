/** Whatever stands at whatever key: the config is loaded or refused with issues, and nothing else happens. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { ConfigError, formatIssue } from './config-issue.ts'
import { loadConfig } from './load-config.ts'
import { GENERAL_SETTINGS_NOT_IN_FORCE, generalSettingsSchema } from './schema/general-settings.ts'
import { LITELLM_SETTINGS_NOT_IN_FORCE, litellmSettingsSchema } from './schema/litellm-settings.ts'
import { LITELLM_PARAMS_NOT_IN_FORCE, litellmParamsSchema, modelInfoSchema } from './schema/model-list.ts'
import { ROUTER_SETTINGS_NOT_IN_FORCE, routerSettingsSchema } from './schema/router-settings.ts'
import { SECTIONS, SECTIONS_NOT_IN_FORCE } from './schema/top-level.ts'
import { shapeOf } from './setting.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-config-'))
const path = join(directory, 'config.yaml')

afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

function loadAnything(text: string): void {
  writeFileSync(path, text)
  try {
    const { warnings } = loadConfig(path, { SET: 'canary' })
    expect(JSON.stringify(warnings)).not.toContain('canary')
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    expect(error.issues.some((issue) => issue.severity === 'error')).toBe(true)
    for (const issue of error.issues) expect(formatIssue(issue)).not.toContain('canary')
  }
}

const scalar = fc.oneof(
  fc.constantFrom(
    'os.environ/SET',
    'os.environ/UNSET',
    'os.environ/',
    '',
    'true',
    '-1',
    '1e400',
    '30s',
    '__proto__',
  ),
  fc.string({ maxLength: 8 }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
)

const value = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('model', 'hidden', 'type', 'password', '__proto__', 'x'), tie('tree'), {
      maxKeys: 3,
    }),
  ),
})).tree

const sections: readonly (readonly [string, readonly string[]])[] = [
  ['general_settings', [...Object.keys(shapeOf(generalSettingsSchema)), ...GENERAL_SETTINGS_NOT_IN_FORCE]],
  ['litellm_settings', [...Object.keys(shapeOf(litellmSettingsSchema)), ...LITELLM_SETTINGS_NOT_IN_FORCE]],
  ['router_settings', [...Object.keys(shapeOf(routerSettingsSchema)), ...ROUTER_SETTINGS_NOT_IN_FORCE]],
  ['environment_variables', ['A', 'SET']],
]

test('any value at any key of a section is loaded or refused', () => {
  const member = fc.constantFrom(
    ...sections.flatMap(([section, keys]) => keys.map((key) => [section, key] as const)),
  )
  fc.assert(
    fc.property(member, value, ([section, key], tree) =>
      loadAnything(stringify({ [section]: { [key]: tree } })),
    ),
    { numRuns: 700 },
  )
})

test('any value at any key of a model is loaded or refused', () => {
  const params = [
    ...Object.keys(shapeOf(litellmParamsSchema)),
    ...LITELLM_PARAMS_NOT_IN_FORCE,
    'base_url',
    'x_cost_y',
  ]
  const info = [...Object.keys(shapeOf(modelInfoSchema)), 'input_cost_per_token', 'tiered_pricing', 'other']
  fc.assert(
    fc.property(
      fc.constantFrom(...params),
      value,
      fc.constantFrom(...info),
      value,
      (param, first, key, second) => {
        const entry = {
          model_name: 'a',
          litellm_params: { model: 'openai/a', [param]: first },
          model_info: { [key]: second },
        }
        loadAnything(stringify({ model_list: [entry] }))
      },
    ),
    { numRuns: 700 },
  )
})

test('any value at any section is loaded or refused', () => {
  const names = [...Object.keys(SECTIONS), ...SECTIONS_NOT_IN_FORCE, 'unknown']
  fc.assert(
    fc.property(fc.constantFrom(...names), value, (name, tree) => loadAnything(stringify({ [name]: tree }))),
    { numRuns: 500 },
  )
})

test('any text is loaded or refused', () => {
  const yamlish = fc.array(fc.constantFrom(...':-#&*!|>{}[]"\'%@`,? \n\tab1<~'.split('')), { maxLength: 60 })
  fc.assert(
    fc.property(yamlish, (characters) => loadAnything(characters.join(''))),
    { numRuns: 1_000 },
  )
})
