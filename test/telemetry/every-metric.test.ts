/** Every metric of LiteLLM: whether it is here, with its labels, and whether it moves when its capability is used. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { COUNTERS } from '../../src/telemetry/metrics/families.ts'
import { freePort } from '../free-port.ts'
import { startPostgresql } from '../postgresql.ts'
import { startRedis } from '../redis.ts'
import { startTestGateway, type TestGateway } from '../running-gateway.ts'
import { EVERY_CAPABILITY, LOAD_ENVIRONMENT, useEveryCapability } from './every-capability.ts'
import { leaveOldDays, loseStores } from './every-trouble.ts'
import { LITELLM_METRICS, type LitellmMetric } from './litellm-metrics.ts'
import { definedLabels } from './metrics-table.ts'
import { readExposition, type ReadFamily } from './read-exposition.ts'

const PAGE = fileURLToPath(new URL('../../docs/observability.md', import.meta.url))

const stack = new AsyncDisposableStack()
let gateway: TestGateway

async function scrape(accept = 'text/plain'): Promise<string> {
  const answer = await gateway.call('/metrics', undefined, { accept })
  expect(answer.status).toBe(200)
  return await answer.text()
}

beforeAll(async () => {
  const postgresql = stack.use(await startPostgresql())
  const redis = stack.use(await startRedis())
  await leaveOldDays(postgresql.url, stack)
  const closed = String(await freePort())
  gateway = await startTestGateway({
    databaseUrl: postgresql.url,
    config: EVERY_CAPABILITY.replace('{redis_port}', String(redis.port)),
    environment: {
      ...LOAD_ENVIRONMENT,
      GENERIC_LOGGER_ENDPOINT: LOAD_ENVIRONMENT.GENERIC_LOGGER_ENDPOINT.replace('{closed_port}', closed),
    },
  })
  stack.defer(() => gateway.stop())
  await useEveryCapability(gateway)
  await loseStores(gateway, redis, postgresql)
}, 120_000)

afterAll(() => stack.disposeAsync())

test('every metric that LiteLLM has and this load uses is there, with its labels, and has moved', async () => {
  await vi.waitFor(
    async () => {
      const families = readExposition(await scrape())
      const still = LITELLM_METRICS.filter(({ name }) => definedLabels(name) !== undefined)
        .filter((metric) => !hasMoved(metric, families))
        .map(({ name }) => name)
      expect(still).toEqual([])
    },
    { timeout: 30_000, interval: 250 },
  )
  const families = readExposition(await scrape())
  const wrong = LITELLM_METRICS.flatMap(({ name, labels }) => {
    const here = definedLabels(name)
    if (here === undefined || labels === undefined) return []
    return String([...here].toSorted()) === String([...labels].toSorted()) ? [] : [{ name, here, labels }]
  })
  expect(wrong).toEqual([])
  const page = readFileSync(PAGE, 'utf8')
  const expected = page.replace(
    /(<!-- litellm:[^\n]*-->\n)[^]*?(<!-- \/litellm -->)/,
    (_, open: string, close: string) => `${open}${table(families)}\n${close}`,
  )
  if (process.env['SLUICE_WRITE_DOCS'] === '1') writeFileSync(PAGE, expected)
  else expect(page).toBe(expected)
})

test('promtool reads the page, and finds no fault but in names that are LiteLLM’s', async () => {
  const { stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: await scrape(),
    encoding: 'utf8',
  })
  const complaints = stderr.split('\n').filter((line) => line !== '')
  const names = new Set(LITELLM_METRICS.map(({ name }) => name))
  expect(complaints.filter((line) => !names.has(line.split(' ', 1)[0] ?? ''))).toEqual([])
})

test('a page that is asked for compressed says the same', async () => {
  const answer = await gateway.call('/metrics', undefined, { 'accept-encoding': 'gzip' })
  expect(answer.headers.get('content-encoding')).toBe('gzip')
  expect(answer.headers.get('vary')).toContain('accept-encoding')
  expect(readExposition(await answer.text()).has(COUNTERS.proxyTotal.name)).toBe(true)
  const plain = await gateway.call('/metrics', undefined, { 'accept-encoding': 'identity' })
  expect(plain.headers.get('content-encoding')).toBeNull()
  await plain.text()
})

test('OpenMetrics ends as it has to', async () => {
  expect(await scrape('application/openmetrics-text')).toMatch(/# EOF\n$/)
})

function table(families: ReadonlyMap<string, ReadFamily>): string {
  const rows = LITELLM_METRICS.map((metric) => {
    const here = definedLabels(metric.name)
    if (here === undefined) return `| \`${metric.name}\` | – | – | – |`
    const labels = metric.labels === undefined ? 'LiteLLM’s are not known' : 'equal'
    const moved = hasMoved(metric, families) ? 'yes' : 'no'
    return `| \`${metric.name}\` | yes | ${labels} | ${moved} |`
  })
  return ['| LiteLLM’s metric | here | labels | moves |', '|---|---|---|---|', ...rows].join('\n')
}

/** A counter and a histogram must have counted; of a gauge a value is enough, for zero may be the truth. */
function hasMoved({ name, type }: LitellmMetric, families: ReadonlyMap<string, ReadFamily>): boolean {
  const samples = families.get(name)?.samples ?? []
  if (type === 'gauge') return samples.length > 0
  return samples.some((sample) => sample.value > 0)
}
