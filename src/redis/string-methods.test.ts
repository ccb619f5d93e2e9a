import { setFlagsFromString } from 'node:v8'
import { expect, test } from 'vitest'
import { freePort } from '../../test/free-port.ts'
import { keptLog } from '../../test/kept-log.ts'
import type { RedisSettings } from './redis-settings.ts'

setFlagsFromString('--allow-natives-syntax')
// oxlint-disable-next-line typescript/no-implied-eval -- the syntax is V8's own, which no parser but V8's takes
const hasFastProperties = new Function('object', 'return %HasFastProperties(object)') as (
  object: object,
) => boolean

/** It must be the first of its process to load ioredis, as a file of its own is. */
test('the methods of strings are found as before once Redis is opened', async () => {
  expect(hasFastProperties(String.prototype)).toBe(true)
  const { openRedis } = await import('./open-redis.ts')
  expect(hasFastProperties(String.prototype)).toBe(false)

  const settings: RedisSettings = {
    place: { kind: 'single', address: { host: '127.0.0.1', port: await freePort() } },
    username: undefined,
    password: undefined,
    database: 0,
    tls: undefined,
    namespace: undefined,
    deadlineMs: 100,
    failureThreshold: 3,
  }
  const { log } = keptLog()
  const redis = openRedis(settings, { log })
  expect(hasFastProperties(String.prototype)).toBe(true)
  class Another extends String {}
  expect(new Another('a')).toHaveLength(1)
  expect(hasFastProperties(String.prototype)).toBe(true)
  await redis.close()
  await log.close()
})
