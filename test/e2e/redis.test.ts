/** Two gateways, one PostgreSQL, one Redis: what operators and callers see of it, and of its loss. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { startRedis } from '../redis.ts'
import { SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'

const stack = new AsyncDisposableStack()
let postgresql: TestPostgresql

beforeAll(async () => {
  postgresql = stack.use(await startPostgresql())
})
afterAll(() => stack.disposeAsync())

const SYSTEM_METRICS = `${SIMULATED_MODELS}
litellm_settings: { service_callback: [prometheus_system], cache: true, cache_params: { type: redis, supported_call_types: [] } }
`

async function started(
  scope: AsyncDisposableStack,
  environment: Record<string, string>,
  databaseUrl: string,
): Promise<TestGateway> {
  const gateway = await startTestGateway({ config: SYSTEM_METRICS, environment, databaseUrl })
  scope.defer(() => gateway.stop())
  return gateway
}

async function readiness({ url }: TestGateway): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${url}/health/readiness`)
  return { status: answer.status, body: await answer.json() }
}

async function metric(gateway: TestGateway, name: string): Promise<number> {
  const page = await (await gateway.call('/metrics')).text()
  const line = page.split('\n').find((text) => text.startsWith(`${name} `))
  return Number(line?.slice(name.length))
}

async function holds(condition: () => Promise<boolean>, withinMs = 10_000): Promise<void> {
  const giveUpAtMs = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > giveUpAtMs)
      throw new Error(`not so within ${withinMs} ms: ${condition.toString()}`)
    await sleep(10)
  }
}

const QUESTION = { model: 'gpt', messages: [{ role: 'user', content: 'hello' }] }

test('a key blocked on one gateway is refused on the other within a second', async () => {
  await using scope = new AsyncDisposableStack()
  const redis = scope.use(await startRedis())
  const databaseUrl = await postgresql.createDatabase()
  const one = await started(scope, { REDIS_URL: redis.url }, databaseUrl)
  const two = await started(scope, { REDIS_URL: redis.url }, databaseUrl)
  const key = await one.newKey()
  const asks = async () =>
    (await two.call('/v1/chat/completions', QUESTION, { authorization: `Bearer ${key}` })).status
  expect(await asks()).toBe(200)
  expect((await one.call('/key/block', { key })).status).toBe(200)
  await holds(async () => (await asks()) === 401, 1_000)
})

test('a gateway starts without its Redis, stays ready, serves, and takes it up when it comes', async () => {
  await using scope = new AsyncDisposableStack()
  const redis = scope.use(await startRedis({ password: 'canary-of-redis' }))
  await redis.stop()
  const pod = await started(scope, { REDIS_URL: redis.url }, await postgresql.createDatabase())
  expect(await readiness(pod)).toMatchObject({ status: 200, body: { redis: 'Not connected' } })
  expect((await pod.call('/v1/chat/completions', QUESTION)).status).toBe(200)
  expect(await metric(pod, 'litellm_redis_circuit_breaker_state{state="open"}')).toBe(1)
  await redis.start()
  await holds(async () => JSON.stringify(await readiness(pod)).includes('"redis":"connected"'))
  expect(await metric(pod, 'litellm_redis_circuit_breaker_state{state="closed"}')).toBe(1)
  const lines = pod.logLines().filter(({ msg }) => String(msg).includes('Redis'))
  expect(lines.map(({ level }) => level)).toEqual(['warn', 'info'])
  expect(JSON.stringify(pod.logLines())).not.toContain('canary')
})

test('a Redis that hangs is told in readiness and metrics, and delays no call for long', async () => {
  await using scope = new AsyncDisposableStack()
  const redis = scope.use(await startRedis())
  const pod = await started(scope, { REDIS_URL: redis.url }, await postgresql.createDatabase())
  await holds(async () => (await metric(pod, 'litellm_redis_circuit_breaker_state{state="closed"}')) === 1)
  redis.pause()
  // A change is announced: the first that asks Redis something finds that it hangs.
  await pod.newKey()
  await holds(async () => JSON.stringify(await readiness(pod)).includes('"redis":"Not connected"'))
  expect((await readiness(pod)).status).toBe(200)
  expect((await pod.call('/v1/chat/completions', QUESTION)).status).toBe(200)
  redis.resume()
  await holds(async () => JSON.stringify(await readiness(pod)).includes('"redis":"connected"'), 2_000)
})

test('the time of Redis and PostgreSQL is measured when prometheus_system asks for it', async () => {
  await using scope = new AsyncDisposableStack()
  const redis = scope.use(await startRedis())
  const pod = await started(scope, { REDIS_URL: redis.url }, await postgresql.createDatabase())
  await pod.newKey()
  await holds(async () => (await metric(pod, 'litellm_redis_total_requests_total{redis="redis"}')) > 0)
  expect(await metric(pod, 'litellm_redis_latency_count{redis="redis"}')).toBeGreaterThan(0)
  expect(await metric(pod, 'litellm_postgres_latency_count{postgres="postgres"}')).toBeGreaterThan(0)
  await redis.stop()
  const failures = async () => {
    await pod.newKey()
    return (await (await pod.call('/metrics')).text()).includes(
      'litellm_redis_failed_requests_total{redis="redis",error_class="Refused",function_name="publish"}',
    )
  }
  await holds(failures)
})
