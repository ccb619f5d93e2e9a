/** The dashboards and alerts against the real thing: two gateways, scraped by Prometheus and by vmagent. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { ALERT_GROUPS } from '../../deploy/alerts/src/index.ts'
import { filledIn, panelExpressions, selectorsOf, variableQueries } from './expressions.ts'
import { startPlatform, type Platform } from './platform.ts'
import { startPrometheus, startVictoriaMetrics, type TimeSeries } from './time-series.ts'

const JOB = 'litellm'
const WITHOUT_TOKEN = 'litellm-without-token'
const SCRAPE_CONFIG = join(import.meta.dirname, '../../deploy/scrape/scrape-config.yaml')

const stack = new AsyncDisposableStack()
let platform: Platform
let servers: readonly TimeSeries[]

/** The job of the scrape examples, with the addresses and the key of here; and the same without the key. */
function scrapeConfig(): string {
  const { scrape_configs: jobs } = parse(readFileSync(SCRAPE_CONFIG, 'utf8')) as {
    readonly scrape_configs: readonly Record<string, unknown>[]
  }
  const targets = platform.urls.map((url) => new URL(url).host)
  const job = { ...jobs[0], scrape_interval: '1s', scrape_timeout: '1s', static_configs: [{ targets }] }
  return stringify({
    scrape_configs: [
      { ...job, job_name: JOB, bearer_token: platform.viewerKey },
      { ...job, job_name: WITHOUT_TOKEN },
    ],
  })
}

/** Scrapes of the first gateway, after which what is shown is a rate of something. */
async function scrapes(server: TimeSeries): Promise<number> {
  const [sample] = await server.ask(`min(count_over_time(up{job="${JOB}"}[10m]))`)
  return sample?.value ?? 0
}

async function roundsUntil(count: number): Promise<void> {
  for (;;) {
    await platform.round()
    const done = await Promise.all(servers.map((server) => scrapes(server)))
    if (done.every((scraped) => scraped >= count)) return
  }
}

beforeAll(async () => {
  platform = stack.use(await startPlatform())
  servers = [
    stack.use(await startPrometheus(scrapeConfig())),
    stack.use(await startVictoriaMetrics(scrapeConfig())),
  ]
  await roundsUntil(3)
  await platform.troubles()
  const before = await Promise.all(servers.map((server) => scrapes(server)))
  await roundsUntil(Math.max(...before) + 5)
}, 120_000)

afterAll(() => stack.disposeAsync())

/** What is wrong, a line each, on either server. */
async function faults<Item>(
  items: readonly Item[],
  check: (server: TimeSeries, item: Item) => Promise<string | undefined>,
): Promise<readonly string[]> {
  const found: string[] = []
  for (const server of servers) {
    for (const item of items) {
      const fault = await check(server, item)
      if (fault !== undefined) found.push(`${server.name}: ${fault}`)
    }
  }
  return found
}

test('the job scrapes every process, with a key; without one it is let in only where that is configured', async () => {
  const targets = platform.urls.map((url) => new URL(url).host)
  for (const server of servers) {
    const samples = await server.ask('last_over_time(up[10m])')
    const up = new Map(samples.map(({ labels, value }) => [`${labels['job']} ${labels['instance']}`, value]))
    expect(up).toEqual(
      new Map([
        [`${JOB} ${targets[0]}`, 1],
        [`${JOB} ${targets[1]}`, 1],
        [`${WITHOUT_TOKEN} ${targets[0]}`, 0],
        [`${WITHOUT_TOKEN} ${targets[1]}`, 1],
      ]),
    )
  }
})

test('no panel is empty', async () => {
  const empty = await faults(panelExpressions(), async (server, { where, expression }) => {
    const samples = await server.ask(filledIn(expression, JOB))
    if (samples.some(({ value }) => !Number.isNaN(value))) return undefined
    return `${where}: ${expression}`
  })
  expect(empty).toEqual([])
})

test('each series that a panel or an alert reads is there after the load', async () => {
  const panels = panelExpressions().map(({ expression }) => filledIn(expression, JOB))
  const alerts = ALERT_GROUPS.flatMap(({ alerts: rules }) => rules.map(({ expression }) => expression))
  const selectors = [...new Set([...panels, ...alerts].flatMap(selectorsOf))]
  expect(selectors.length).toBeGreaterThan(80)
  const missing = await faults(selectors, async (server, selector) => {
    const samples = await server.ask(`count(last_over_time(${selector}[10m]))`)
    return samples.length === 0 ? selector : undefined
  })
  expect(missing).toEqual([])
})

test('each variable of a dashboard has values to choose from', async () => {
  const empty = await faults(variableQueries(), async (server, { series, label }) => {
    const values = await server.labelValues(label, filledIn(series, JOB))
    return values.length === 0 ? `${label} of ${series}` : undefined
  })
  expect(empty).toEqual([])
})

test('each alert can be evaluated', async () => {
  const rules = ALERT_GROUPS.flatMap(({ alerts }) => alerts)
  await faults(rules, async (server, { expression }) => {
    await server.ask(expression)
    return undefined
  })
})

test('what went wrong in the load is alerted', async () => {
  const expressions = new Map(
    ALERT_GROUPS.flatMap(({ alerts }) => alerts.map(({ name, expression }) => [name, expression] as const)),
  )
  const fired = [
    'SluiceProviderRefusesKey',
    'SluiceCallsFailing',
    'SluiceCallsWithoutPrice',
    'SluiceConfigRefused',
  ]
  const silent = await faults(fired, async (server, name) => {
    const samples = await server.ask(expressions.get(name) ?? '')
    return samples.length === 0 ? name : undefined
  })
  expect(silent).toEqual([])
})

test('money and calls on a dashboard are those of both gateways together', async () => {
  const [prometheus, victoria] = await Promise.all(
    servers.map((server) => server.ask(`sum(last_over_time(litellm_spend_metric_total{job="${JOB}"}[10m]))`)),
  )
  expect(prometheus?.[0]?.value).toBeGreaterThan(0)
  expect(victoria?.[0]?.value).toBeGreaterThan(0)
})
