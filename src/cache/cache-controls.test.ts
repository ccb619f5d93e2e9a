import { expect, test } from 'vitest'
import { scanMembers } from '../dialects/index.ts'
import { readCacheControls, type CacheControls } from './cache-controls.ts'

const read = (body: object, allowed: readonly string[] = []): CacheControls =>
  readCacheControls(scanMembers(Buffer.from(JSON.stringify(body))), allowed)

test('a request without controls leaves everything to the configuration', () => {
  const none = { noCache: false, noStore: false, namespace: '', useCache: undefined }
  for (const body of [{}, { cache: null }, { cache: {} }, { caching: null }, { cache: { ttl: null } }])
    expect(read(body)).toMatchObject(none)
})

test('every control is read, times as milliseconds', () => {
  const cache = {
    'no-cache': true,
    'no-store': true,
    ttl: 1.5,
    's-maxage': 600,
    namespace: 'n',
    'use-cache': true,
  }
  expect(read({ cache })).toEqual({
    noCache: true,
    noStore: true,
    ttlMs: 1_500,
    maxAgeMs: 600_000,
    namespace: 'n',
    useCache: true,
  })
})

test('caching switches the cache for one request, and cache.use-cache goes before it', () => {
  expect(read({ caching: false }).useCache).toBe(false)
  expect(read({ caching: false, cache: { 'use-cache': true } }).useCache).toBe(true)
})

test.each([
  [{ cache: true }, 'cache: expected an object'],
  [{ cache: [] }, 'cache: expected an object'],
  [{ caching: 'yes' }, 'caching: expected true or false'],
  [{ cache: { 'no-cache': 1 } }, 'cache.no-cache: expected true or false'],
  [{ cache: { ttl: '5' } }, 'cache.ttl: expected a number of seconds'],
  [{ cache: { ttl: -1 } }, 'cache.ttl: expected a number of seconds'],
  [{ cache: { 's-maxage': 1e300 } }, 'cache.s-maxage: expected a number of seconds'],
  [{ cache: { namespace: 7 } }, 'cache.namespace: expected a text'],
  [{ cache: { namespace: 'x'.repeat(257) } }, 'cache.namespace: expected a text'],
])('%j is refused with the name of the member and what was expected', (body, message) => {
  expect(() => read(body)).toThrow(message)
})

test('a key sets the controls that it may, and no other', () => {
  expect(read({ cache: { 'no-cache': true } }, ['no-cache']).noCache).toBe(true)
  expect(() => read({ cache: { ttl: 5 } }, ['no-cache', 'no-store'])).toThrow(
    /may not set "ttl", only no-cache, no-store/,
  )
})
