import { expect, test } from 'vitest'
import { ArgumentError, parseArguments } from './arguments.ts'
import { parseSince } from './import-options.ts'

const NOW_MS = Date.parse('2026-11-20T12:00:00Z')

test('every option of an import is read, with dashes or underscores', () => {
  const argv =
    'import --from postgresql://u@h/d --dry-run --report r.json --spend_logs --since 30d --models-to m.yaml'
  const command = parseArguments([...argv.split(' '), '--inline-secrets', '--accept-schema', 'x'], {})
  expect(command).toMatchObject({
    kind: 'import',
    options: {
      from: 'postgresql://u@h/d',
      dryRun: true,
      reportFile: 'r.json',
      calls: true,
      since: '30d',
      modelsFile: 'm.yaml',
      inlineSecrets: true,
      acceptedMigration: 'x',
    },
  })
})

test('the source may come from the environment', () => {
  const command = parseArguments(['import'], { SLUICE_IMPORT_FROM: 'postgresql://u@h/d' })
  expect(command).toMatchObject({ options: { from: 'postgresql://u@h/d', dryRun: false, calls: false } })
})

test('options of other commands are none of an import', () => {
  expect(() => parseArguments(['import', '--port', '1'], {})).toThrow(ArgumentError)
  expect(() => parseArguments(['migrate', '--dry-run'], {})).toThrow(ArgumentError)
})

test('the help tells every option', () => {
  expect(parseArguments(['import', '--help'], {})).toMatchObject({
    kind: 'help',
    text: expect.stringMatching(/--from URL[^]*--dry_run[^]*--models_to FILE[^]*--config FILE/),
  })
})

test('calls are taken from a day, a moment, or a time ago', () => {
  expect(parseSince('2026-11-01', NOW_MS)).toBe(Date.parse('2026-11-01T00:00:00Z'))
  expect(parseSince('2026-11-01T10:00:00+01:00', NOW_MS)).toBe(Date.parse('2026-11-01T09:00:00Z'))
  expect(parseSince('7d', NOW_MS)).toBe(NOW_MS - 7 * 86_400_000)
  for (const text of ['yesterday', '7', '', '2026-13-01'])
    expect(parseSince(text, NOW_MS), text).toBeUndefined()
})
