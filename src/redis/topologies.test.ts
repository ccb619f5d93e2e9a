import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keptLog, type KeptLog } from '../../test/kept-log.ts'
import { startRedisCluster, startRedisSentinel } from '../../test/redis-topologies.ts'
import { Secret } from '../config/secret.ts'
import { openRedis, type OpenRedis } from './open-redis.ts'
import type { RedisScript } from './redis.ts'
import { DEFAULT_FAILURE_THRESHOLD, type RedisSettings } from './redis-settings.ts'

let stack: AsyncDisposableStack
let kept: KeptLog

beforeEach(() => {
  stack = new AsyncDisposableStack()
  kept = keptLog()
  stack.defer(() => kept.log.close())
})
afterEach(() => stack.disposeAsync())

async function connected(
  place: RedisSettings['place'],
  more: Partial<RedisSettings> = {},
): Promise<OpenRedis> {
  const redis = openRedis(
    {
      place,
      username: undefined,
      password: undefined,
      database: 0,
      tls: undefined,
      namespace: undefined,
      deadlineMs: 500,
      failureThreshold: DEFAULT_FAILURE_THRESHOLD,
      ...more,
    },
    { log: kept.log },
  )
  stack.defer(() => redis.close())
  await holds(() => redis.available)
  return redis
}

async function holds(condition: () => boolean | Promise<boolean>, withinMs = 15_000): Promise<void> {
  const giveUpAtMs = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > giveUpAtMs)
      throw new Error(`not so within ${withinMs} ms: ${condition.toString()}`)
    await sleep(10)
  }
}

const TWO: RedisScript = {
  name: 'two',
  lua: "return { redis.call('INCR', KEYS[1]), redis.call('INCRBY', KEYS[2], ARGV[1]) }",
}

test('a cluster serves keys of all slots, scripts over one hash tag, prefixes and messages', async () => {
  const cluster = stack.use(await startRedisCluster())
  const [first] = cluster.nodes
  const redis = await connected({
    kind: 'cluster',
    nodes: [{ host: '127.0.0.1', port: first?.port ?? 0 }],
  })
  const keys = Array.from({ length: 60 }, (_, index) => `spread:${index}`)
  await Promise.all(keys.map((key) => redis.set(key, key, undefined)))
  for (const node of cluster.nodes) expect(Number(await node.command('dbsize'))).toBeGreaterThan(5)
  expect(String(await redis.get('spread:7'))).toBe('spread:7')
  expect(await redis.script(TWO, ['{limits}a', '{limits}b'], [5])).toEqual([1, 5])
  expect(await redis.delete(['spread:0', 'spread:1', 'missing'])).toBe(2)
  expect(await redis.deleteByPrefix('spread:')).toBe(58)
  const heard: string[] = []
  redis.subscribe('channel', (message) => void heard.push(message))
  await holds(async () => {
    await redis.publish('channel', 'hello')
    return heard.includes('hello')
  })
})

test('a cluster with one node that hangs or is gone never holds a command longer than its deadline', async () => {
  const cluster = stack.use(await startRedisCluster())
  const redis = await connected({
    kind: 'cluster',
    nodes: cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
  })
  const [, second] = cluster.nodes
  if (second === undefined) throw new Error('no second node')
  const keys = Array.from({ length: 30 }, (_, index) => `spread:${index}`)
  second.pause()
  await Promise.allSettled(keys.map((key) => redis.get(key)))
  await holds(() => !redis.available)
  second.resume()
  await holds(() => redis.available)
  await second.stop()
  await holds(() => !redis.available)
  await second.start()
  await holds(async () => {
    const results = await Promise.allSettled(keys.map((key) => redis.set(key, '1', undefined)))
    return results.every(({ status }) => status === 'fulfilled')
  })
})

test('a sentinel names the new primary when the old one dies', async () => {
  const servers = stack.use(await startRedisSentinel({ password: 'shared-password' }))
  const redis = await connected(
    {
      kind: 'sentinel',
      sentinels: [{ host: '127.0.0.1', port: servers.sentinel.port }],
      serviceName: servers.serviceName,
      sentinelUsername: undefined,
      sentinelPassword: undefined,
    },
    { password: new Secret('shared-password') },
  )
  await redis.set('key', 'written before', undefined)
  await holds(async () => (await servers.replica.command('get', 'key')) === 'written before')
  await servers.primary.stop()
  await holds(() => !redis.available)
  await holds(() => redis.available)
  expect(String(await redis.get('key'))).toBe('written before')
  await redis.set('key', 'written after', undefined)
  expect(await servers.replica.command('get', 'key')).toBe('written after')
})
