/** The alert rules: read by the programs that evaluate them, firing when they should, explained in the runbooks. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { alertRule, type Alert } from '../../deploy/alerts/src/alert.ts'
import { ALERT_GROUPS } from '../../deploy/alerts/src/index.ts'
import { ALERT_CASES, type AlertCase, type Series } from './alert-cases.ts'

const ALERTS = ALERT_GROUPS.flatMap(({ alerts }) => alerts)
const RULES = join(import.meta.dirname, '../../deploy/alerts/prometheus-rules.yaml')
const RUNBOOKS = join(import.meta.dirname, '../../docs/runbooks.md')

const folder = mkdtempSync(join(tmpdir(), 'sluice-alerts-'))
afterAll(() => rmSync(folder, { recursive: true }))

const run = promisify(execFile)

/** What promtool says of wrong tests is on standard error. */
async function promtool(...words: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run('promtool', words)
  return stdout + stderr
}

test('promtool and vmalert accept the rules', async () => {
  expect(await promtool('check', 'rules', RULES)).toContain(`SUCCESS: ${ALERTS.length} rules found`)
  await run('vmalert', ['-dryRun', `-rule=${RULES}`, '-rule.validateTemplates', '-rule.validateExpressions'])
})

test('each alert has a name of its own, and its texts name only labels that it has', () => {
  expect(new Set(ALERTS.map(({ name }) => name)).size).toBe(ALERTS.length)
  const strange = ALERTS.flatMap(({ name, summary, description }) => {
    const used = [...`${summary} ${description}`.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label)
    return used
      .filter((label) => !(label in (ALERT_CASES[name]?.labels ?? {})))
      .map((label) => `${name} ${label}`)
  })
  expect(strange).toEqual([])
})

test('the runbooks tell of each alert, and of no other', () => {
  const matches = readFileSync(RUNBOOKS, 'utf8').matchAll(/^### (Sluice\w+)$/gm)
  const headings = [...matches].map(([, name = '']) => name)
  expect(headings.toSorted()).toEqual(ALERTS.map(({ name }) => name).toSorted())
})

test('there is a case for each alert, and for no other', () => {
  expect(Object.keys(ALERT_CASES).toSorted()).toEqual(ALERTS.map(({ name }) => name).toSorted())
})

describe('when it fires', () => {
  test.each(ALERTS.map((alert) => [alert.name, alert] as const))(
    '%s, and when it does not',
    async (name, alert) => {
      const given = ALERT_CASES[name]!
      const file = join(folder, `${name}.yaml`)
      const rules = join(folder, `${name}-rules.yaml`)
      // Without their texts, which promtool would compare too, and which say nothing of when they fire.
      const { annotations: _, ...rule } = alertRule(alert)
      writeFileSync(rules, stringify({ groups: [{ name: 'one', interval: '1m', rules: [rule] }] }))
      const { fires, quiet } = given
      writeFileSync(
        file,
        stringify({
          rule_files: [rules],
          tests: [
            testOf(alert, given, fires, [{ exp_labels: { severity: alert.severity, ...given.labels } }]),
            testOf(alert, given, quiet, []),
          ],
        }),
      )
      expect(await promtool('test', 'rules', file)).toContain('SUCCESS')
    },
  )
})

function testOf(alert: Alert, given: AlertCase, series: Series, expected: readonly unknown[]): unknown {
  return {
    interval: given.interval ?? '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [{ eval_time: given.at ?? '30m', alertname: alert.name, exp_alerts: expected }],
  }
}
