/** A connection to a test's Redis, ready for use. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openRedis, type OpenRedis } from '../../src/redis/open-redis.ts'
import { keptLog } from '../kept-log.ts'

/** @param deadlineMs for one command; generous where a test is not about deadlines. */
export async function connectTo(port: number, deadlineMs = 10_000): Promise<OpenRedis> {
  const redis = openRedis(
    {
      place: { kind: 'single', address: { host: '127.0.0.1', port } },
      username: undefined,
      password: undefined,
      database: 0,
      tls: undefined,
      namespace: undefined,
      deadlineMs,
      failureThreshold: 1,
    },
    { log: keptLog().log },
  )
  await becomes(() => redis.available)
  return redis
}

export async function becomes(condition: () => boolean, withinMs = 10_000): Promise<void> {
  const giveUpAtMs = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > giveUpAtMs) throw new Error(`not so within ${withinMs} ms: ${condition}`)
    await sleep(2)
  }
}
