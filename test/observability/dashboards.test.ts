/** The written files of `deploy/`: made from their sources, of the types that their readers know, about metrics there are. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generatedFiles } from '../../deploy/generated-files.ts'
import { ALERT_GROUPS } from '../../deploy/alerts/src/index.ts'
import { DASHBOARDS } from '../../deploy/grafana/src/index.ts'
import { documentedMetrics } from '../telemetry/metrics-table.ts'
import { metricOf, panelExpressions, selectorsOf } from './expressions.ts'
import { dashboardFaults } from './grafana-types.ts'

const DEPLOY = join(import.meta.dirname, '../../deploy')

test('dashboards and rules are those that their sources make (else: node deploy/write.ts)', () => {
  for (const [path, text] of generatedFiles()) {
    expect(existsSync(join(DEPLOY, path)), path).toBe(true)
    expect(readFileSync(join(DEPLOY, path), 'utf8'), path).toBe(text)
  }
  expect(readdirSync(join(DEPLOY, 'grafana/dashboards'))).toHaveLength(DASHBOARDS.length)
})

test('Grafana’s types have every field of the dashboards', { timeout: 120_000 }, async () => {
  const dashboards = [...generatedFiles()].filter(([path]) => path.endsWith('.json')).map(([, text]) => text)
  expect(await dashboardFaults(dashboards)).toEqual([])
})

test('a dashboard with a field that Grafana does not know is found', { timeout: 120_000 }, async () => {
  const [text = ''] = [...generatedFiles().values()]
  const faults = await dashboardFaults([
    text.replace('"graphMode"', '"graphMood"').replace('"uid"', '"uuid"'),
  ])
  expect(faults.join()).toContain('graphMood')
  expect(faults.join()).toContain('uuid')
})

/** What the scraper itself adds. */
const OF_THE_SCRAPER = ['up', 'scrape_duration_seconds', 'scrape_samples_scraped']

test('panels and alerts read metrics that the gateway has', () => {
  const there = new Set([...documentedMetrics(), ...OF_THE_SCRAPER])
  const alerts = ALERT_GROUPS.flatMap(({ alerts: rules }) => rules.map(({ expression }) => expression))
  const expressions = [...panelExpressions().map(({ expression }) => expression), ...alerts]
  const read = new Set(expressions.flatMap(selectorsOf).map(metricOf))
  const unknown = [...read].filter(
    (name) => !there.has(name) && !there.has(name.replace(/_(bucket|sum|count)$/, '')),
  )
  expect(unknown).toEqual([])
})

test('each panel has a title of its own in its dashboard, and says what it shows', () => {
  for (const { rows, title } of DASHBOARDS) {
    const panels = rows.flatMap((row) => row.panels)
    const names = rows.flatMap((row) => row.panels.map((panel) => `${row.title}: ${panel.title}`))
    expect(new Set(names).size, title).toBe(names.length)
    for (const panel of panels) expect(panel.description.length, panel.title).toBeGreaterThan(10)
  }
})
