import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { keptLog } from '../../test/kept-log.ts'
import { startPostgresql, type TestPostgresql } from '../../test/postgresql.ts'
import { startRedis } from '../../test/redis.ts'
import { Secret } from '../config/secret.ts'
import { commitChange } from '../management/commit-change.ts'
import { openRedis, type OpenRedis } from '../redis/open-redis.ts'
import type { Database } from '../storage/database.ts'
import { migrate } from '../storage/migrate.ts'
import { openDatabase } from '../storage/open-database.ts'
import { hashCredential } from './credential.ts'
import { createIdentity, DEFAULT_IDENTITY_SETTINGS, type Identity } from './identity.ts'

/** Nothing is found by looking: what is seen was told. */
const NEVER_MS = 3_600_000
const KEY = 'sk-key-of-two-pods'

let postgresql: TestPostgresql
const stack = new AsyncDisposableStack()

beforeAll(async () => {
  postgresql = stack.use(await startPostgresql())
})
afterAll(() => stack.disposeAsync())

interface Pod {
  readonly identity: Identity
  readonly database: Database
}

async function pod(url: string, redis: OpenRedis | undefined, pods: AsyncDisposableStack): Promise<Pod> {
  const database = await openDatabase({ url })
  pods.defer(() => database.close())
  await migrate(database)
  const identity = createIdentity({
    database,
    masterKey: new Secret('sk-master'),
    settings: { ...DEFAULT_IDENTITY_SETTINGS, refreshAfterMs: NEVER_MS },
    clock: Date.now,
    redis,
    pollIntervalMs: NEVER_MS,
  })
  pods.defer(() => identity.close())
  return { identity, database }
}

async function setBlocked({ database, identity }: Pod, blocked: boolean): Promise<void> {
  await commitChange({ database, identity }, async ({ transaction, announce }) => {
    await transaction.updateTable('sluice_virtual_key').set({ blocked }).execute()
    announce({ subject: 'key', id: hashCredential(KEY) })
  })
}

async function isServed({ identity }: Pod): Promise<boolean> {
  try {
    await identity.authenticate({ 'x-api-key': KEY })
    return true
  } catch {
    return false
  }
}

/** Changes are repeated until the other pod hears: a connection that listens is made in the background. */
async function secondFollowsFirst(one: Pod, two: Pod): Promise<void> {
  for (const blocked of [true, false, true, false]) {
    const giveUpAtMs = performance.now() + 10_000
    await setBlocked(one, blocked)
    while ((await isServed(two)) === blocked) {
      if (performance.now() > giveUpAtMs)
        throw new Error(`the other pod never heard that blocked is ${blocked}`)
      await sleep(5)
    }
  }
}

async function withKey(url: string): Promise<void> {
  const database = await openDatabase({ url })
  await migrate(database)
  await database.sql
    .insertInto('sluice_virtual_key')
    .values({ key_hash: hashCredential(KEY), key_name: 'sk-...pods' })
    .execute()
  await database.close()
}

async function connectedTo(port: number, pods: AsyncDisposableStack): Promise<OpenRedis> {
  const redis = openRedis(
    {
      place: { kind: 'single', address: { host: '127.0.0.1', port } },
      username: undefined,
      password: undefined,
      database: 0,
      tls: undefined,
      namespace: 'pods',
      deadlineMs: 1_000,
      failureThreshold: 5,
    },
    { log: keptLog().log },
  )
  pods.defer(() => redis.close())
  await redis.firstTry()
  return redis
}

describe('a key blocked on one pod is refused on the other without waiting for its next look', () => {
  test('by notifications of PostgreSQL, also after all connections were lost', async () => {
    await using pods = new AsyncDisposableStack()
    const url = await postgresql.createDatabase()
    await withKey(url)
    const [one, two] = [await pod(url, undefined, pods), await pod(url, undefined, pods)]
    expect(await isServed(two)).toBe(true)
    await secondFollowsFirst(one, two)
    await postgresql.stop('immediate')
    await postgresql.start()
    await secondFollowsFirst(one, two)
  })

  test('by messages of Redis, also after it was restarted', async () => {
    await using pods = new AsyncDisposableStack()
    const redisServer = pods.use(await startRedis())
    const url = await postgresql.createDatabase()
    await withKey(url)
    const one = await pod(url, await connectedTo(redisServer.port, pods), pods)
    const two = await pod(url, await connectedTo(redisServer.port, pods), pods)
    expect(await isServed(two)).toBe(true)
    await secondFollowsFirst(one, two)
    await redisServer.stop()
    // Nobody hears of this one; the reconnection makes everybody look.
    await setBlocked(one, true)
    await redisServer.start()
    while (await isServed(two)) await sleep(5)
    await setBlocked(one, false)
    await secondFollowsFirst(one, two)
  })
})

test('what changes between the first call of a key and the first look is taken up by that look', async () => {
  await using pods = new AsyncDisposableStack()
  const url = await postgresql.createDatabase()
  await withKey(url)
  const [one, two] = [
    await pod(`${url}?pgbouncer=true`, undefined, pods),
    await pod(`${url}?pgbouncer=true`, undefined, pods),
  ]
  expect(await isServed(two)).toBe(true)
  await setBlocked(one, true)
  await two.identity.maintain()
  expect(await isServed(two)).toBe(false)
})

test('through a pooler that passes no notifications on, nobody listens, and looking is enough', async () => {
  await using pods = new AsyncDisposableStack()
  const url = await postgresql.createDatabase()
  await withKey(url)
  const one = await pod(`${url}?pgbouncer=true`, undefined, pods)
  const two = await pod(`${url}?pgbouncer=true`, undefined, pods)
  expect(two.database.listen).toBeUndefined()
  expect(await isServed(two)).toBe(true)
  await two.identity.maintain()
  await setBlocked(one, true)
  expect(await isServed(two)).toBe(true)
  await two.identity.maintain()
  expect(await isServed(two)).toBe(false)
})
