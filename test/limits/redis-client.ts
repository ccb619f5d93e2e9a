/** A connection to a test's Redis, ready for use. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openRedis, type OpenRedis } from '../../src/redis/open-redis.ts'
import type { RedisAddress } from '../../src/redis/redis-settings.ts'
import { keptLog } from '../kept-log.ts'
import { startRedis, type TestRedis } from '../redis.ts'

const { log } = keptLog()

/**
 * @param port of a server, or of each node of a cluster.
 * @param deadlineMs for one command; generous where a test is not about deadlines.
 */
export async function connectTo(port: number | readonly number[], deadlineMs = 10_000): Promise<OpenRedis> {
  const redis = openRedis(
    {
      place:
        typeof port === 'number'
          ? { kind: 'single', address: addressOf(port) }
          : { kind: 'cluster', nodes: port.map(addressOf) },
      username: undefined,
      password: undefined,
      database: 0,
      tls: undefined,
      namespace: undefined,
      deadlineMs,
      failureThreshold: 1,
    },
    { log },
  )
  await becomes(() => redis.available)
  return redis
}

/** A server of a test's own and a connection to it, for as long as the stack is open. */
export async function redisIn(
  stack: AsyncDisposableStack,
): Promise<{ readonly server: TestRedis; readonly redis: OpenRedis }> {
  const server = stack.use(await startRedis())
  const redis = await connectTo(server.port)
  stack.defer(() => redis.close())
  return { server, redis }
}

function addressOf(port: number): RedisAddress {
  return { host: '127.0.0.1', port }
}

export async function becomes(condition: () => boolean, withinMs = 10_000): Promise<void> {
  const giveUpAtMs = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > giveUpAtMs) throw new Error(`not so within ${withinMs} ms`)
    await sleep(2)
  }
}
