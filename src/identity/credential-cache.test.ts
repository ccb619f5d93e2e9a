import { expect, test } from 'vitest'
import { MASTER_PRINCIPAL } from './build-principal.ts'
import { CredentialCache, type CacheEntry } from './credential-cache.ts'
import { UnknownKeys } from './unknown-keys.ts'

function entry(name: string): CacheEntry {
  return {
    credential: `sk-${name}`,
    keyHash: name,
    principal: MASTER_PRINCIPAL,
    refreshAtMs: 0,
    refreshing: false,
    forgotten: false,
    changed: false,
    usedSinceSweep: false,
  }
}

test('the cache stays within its size, and what is in use outlives what is not', () => {
  const cache = new CredentialCache(100)
  cache.put(entry('hot'))
  for (let index = 0; index < 10_000; index++) {
    cache.put(entry(String(index)))
    expect(cache.get('sk-hot')).toBeDefined()
    expect(cache.size).toBeLessThanOrEqual(100)
  }
  expect(cache.get('sk-0')).toBeUndefined()
  expect(cache.byHash('0')).toBeUndefined()
})

test('a cache whose entries are all in use still shrinks', () => {
  const cache = new CredentialCache(100)
  for (let index = 0; index < 100; index++) cache.put(entry(String(index)))
  for (let index = 0; index < 100; index++) cache.get(`sk-${index}`)
  cache.resize(10)
  expect(cache.size).toBe(10)
})

test('unknown keys are remembered for two seconds, and not more than two thousand of them', () => {
  const unknown = new UnknownKeys()
  unknown.add('a', 0)
  expect(unknown.has('a', 1_999)).toBe(true)
  expect(unknown.has('a', 2_000)).toBe(false)
  unknown.add('first', 0)
  for (let index = 0; index < 2_000; index++) unknown.add(String(index), 0)
  expect(unknown.has('first', 1)).toBe(false)
  expect(unknown.has('1999', 1)).toBe(true)
})
