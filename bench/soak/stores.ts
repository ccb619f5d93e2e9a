/** What befalls the stores during the soak: now and then one is stopped, or hangs, and comes back. */
import { setTimeout as delay } from 'node:timers/promises'
import type { TestPostgresql } from '../../test/postgresql.ts'
import type { TestRedis } from '../../test/redis.ts'

const EVERY_MS = 180_000
const AWAY_MS = 15_000

/**
 * Until it is told otherwise; the stores are there again when it returns.
 * @param before is done before each trouble, when the stores have been there for some minutes.
 */
export async function troubleStores(
  postgresql: TestPostgresql,
  redis: TestRedis,
  until: AbortSignal,
  say: (text: string) => void,
  before: () => Promise<void>,
): Promise<void> {
  const troubles = [
    { name: 'Redis is stopped', begin: () => redis.stop(), end: () => redis.start() },
    { name: 'PostgreSQL is stopped', begin: () => postgresql.stop(), end: () => postgresql.start() },
    { name: 'Redis hangs', begin: async () => redis.pause(), end: async () => redis.resume() },
  ]
  for (let round = 0; await isToGoOn(EVERY_MS, until); round += 1) {
    const trouble = troubles[round % troubles.length]
    if (trouble === undefined) return
    await before()
    say(`${trouble.name} for ${AWAY_MS / 1000} s`)
    await trouble.begin()
    await isToGoOn(AWAY_MS, until)
    await trouble.end()
  }
}

async function isToGoOn(afterMs: number, until: AbortSignal): Promise<boolean> {
  await delay(afterMs, undefined, { signal: until }).catch(() => {})
  return !until.aborted
}
