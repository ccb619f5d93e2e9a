/** A Redis server with the gateway's own client before it, for tests of the cache. */
import { openRedis } from '../../src/redis/open-redis.ts'
import type { Redis } from '../../src/redis/redis.ts'
import { DEFAULT_DEADLINE_MS, DEFAULT_FAILURE_THRESHOLD } from '../../src/redis/redis-settings.ts'
import { keptLog } from '../kept-log.ts'
import { startRedis, type TestRedis } from '../redis.ts'

export interface ConnectedRedis extends AsyncDisposable {
  readonly server: TestRedis
  readonly redis: Redis
}

export async function connectedRedis(namespace?: string): Promise<ConnectedRedis> {
  const stack = new AsyncDisposableStack()
  const server = stack.use(await startRedis())
  const kept = keptLog()
  stack.defer(() => kept.log.close())
  const redis = openRedis(
    {
      place: { kind: 'single', address: { host: '127.0.0.1', port: server.port } },
      username: undefined,
      password: undefined,
      database: 0,
      tls: undefined,
      namespace,
      deadlineMs: DEFAULT_DEADLINE_MS,
      failureThreshold: DEFAULT_FAILURE_THRESHOLD,
    },
    { log: kept.log },
  )
  stack.defer(() => redis.close())
  await untilAvailable(redis)
  return { server, redis, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Resolves when commands are taken again. */
export async function untilAvailable(redis: Redis): Promise<void> {
  while (!redis.available) await nextConnection(redis)
}

async function nextConnection(redis: Redis): Promise<void> {
  await new Promise<void>((resolve) => {
    redis.onConnected(resolve)
    if (redis.available) resolve()
  })
}
