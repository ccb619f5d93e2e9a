import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { connectedRedis, type ConnectedRedis } from '../../test/cache/redis.ts'
import { cacheRequest } from '../../test/cache/requests.ts'
import { NO_USAGE } from '../dialects/usage.ts'
import type { AnswerStore } from './answer-store.ts'
import { decodeAnswer, encodeAnswer, type CachedAnswer } from './cached-answer.ts'
import { MemoryStore } from './memory-store.ts'
import { RedisStore } from './redis-store.ts'
import { ResponseCache } from './response-cache.ts'

let connected: ConnectedRedis

beforeAll(async () => {
  connected = await connectedRedis('team')
})
afterAll(() => connected[Symbol.asyncDispose]())

function answerOf(text: string, changes: Partial<CachedAnswer> = {}): CachedAnswer {
  return {
    storedAtMs: 1_000_000,
    modelId: 'gpt-1',
    isStream: false,
    contentType: 'application/json',
    usage: { ...NO_USAGE, inputTokens: 3, serviceTier: 'default' },
    body: Buffer.from(text),
    ...changes,
  }
}

const key = (digit: string): string => digit.repeat(64)

describe.each(['local', 'redis'] as const)('the store %s', (kind) => {
  let store: AnswerStore

  beforeEach(async () => {
    await connected.server.flush()
    store = kind === 'local' ? new MemoryStore(10_000_000, Date.now) : new RedisStore(connected.redis)
  })

  test('gives an answer back as it was, byte for byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
    const answer = answerOf('', { body: bytes, isStream: true, contentType: 'text/event-stream' })
    store.keep(key('a'), answer, 60_000)
    expect(await store.find(key('a'))).toEqual(answer)
    expect(await store.find(key('b'))).toBeUndefined()
  })

  test('keeps the newest of two answers of one name', async () => {
    store.keep(key('a'), answerOf('old'), 60_000)
    store.keep(key('a'), answerOf('new'), 60_000)
    expect((await store.find(key('a')))?.body.toString()).toBe('new')
  })

  test('deletes by name, and tells how many there were', async () => {
    for (const digit of ['a', 'b', 'c']) store.keep(key(digit), answerOf(digit), 60_000)
    expect(await store.delete([key('a'), key('b'), key('f')])).toBe(2)
    expect(await store.find(key('a'))).toBeUndefined()
    expect(await store.find(key('c'))).toBeDefined()
  })

  test('clears all answers', async () => {
    for (const digit of ['a', 'b', 'c']) store.keep(key(digit), answerOf(digit), 60_000)
    expect(await store.clear()).toBe(3)
    expect(await store.find(key('c'))).toBeUndefined()
  })

  test('answers a ping', async () => {
    expect(await store.ping()).toBe('PONG')
  })
})

describe('Redis', () => {
  const store = (): RedisStore => new RedisStore(connected.redis)

  test('is asked to forget an answer after its time', async () => {
    await connected.server.flush()
    store().keep(key('a'), answerOf('x'), 60_000)
    await connected.redis.ping()
    const left = Number(await connected.server.command('pttl', `team:sluice:answer:${key('a')}`))
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(60_000)
  })

  test('keeps what is not the cache’s when the cache is cleared', async () => {
    await connected.server.flush()
    await connected.server.command('set', 'somebody:else', '1')
    await connected.server.command('set', 'team:limits', '1')
    await connected.server.command('set', `sluice:answer:${key('a')}`, 'of another namespace')
    store().keep(key('a'), answerOf('x'), 60_000)
    await connected.redis.ping()
    expect(await store().clear()).toBe(1)
    expect(await connected.server.command('dbsize')).toBe('3')
  })

  test('holding what is no answer has none', async () => {
    await connected.server.command('set', `team:sluice:answer:${key('e')}`, 'not an answer')
    expect(await store().find(key('e'))).toBeUndefined()
  })

  test('that hangs costs a call one deadline, then nothing, and is used again when it is back', async () => {
    const cache = new ResponseCache({ redis: connected.redis, clock: Date.now })
    cache.configure({
      kind: 'redis',
      ttlMs: 60_000,
      callTypes: new Set(['acompletion']),
      onByDefault: true,
      scope: 'team',
      maxMemoryBytes: 1,
    })
    const question = cache.ask(cacheRequest({ model: 'gpt', messages: [] }))
    if (question === undefined) throw new Error('the cache was not asked')
    const body = Buffer.from('{"choices":[{"finish_reason":"stop"}]}')
    connected.server.pause()
    try {
      while (connected.redis.available) expect(await cache.find(question)).toBeUndefined()
      expect(cache.stats.failedReads).toBeGreaterThan(0)
      // Refused at once, without a promise to wait for.
      expect(cache.find(question)).toBeUndefined()
      const before = cache.stats.failedWrites
      cache.keep(question, answerOf(''), [body])
      expect(cache.stats.failedWrites).toBe(before + 1)
      await expect(cache.clear()).rejects.toMatchObject({ code: 'cache_unavailable' })
    } finally {
      connected.server.resume()
    }
    await vi.waitUntil(() => connected.redis.available, { timeout: 10_000, interval: 5 })
    cache.keep(question, answerOf(''), [body])
    expect((await cache.find(question))?.body).toEqual(body)
  })
})

describe('an entry', () => {
  test('of any form is read or refused, never misread', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => decodeAnswer(Buffer.from(bytes)) === undefined))
    const entry = encodeAnswer(answerOf('body'))
    fc.assert(
      fc.property(fc.nat({ max: entry.length - 1 }), (length) => {
        expect(decodeAnswer(entry.subarray(0, length))).toBeUndefined()
      }),
    )
  })

  test('of another form of entry is no answer', () => {
    const entry = encodeAnswer(answerOf('body'))
    entry.writeUInt8(2, 0)
    expect(decodeAnswer(entry)).toBeUndefined()
  })

  test('without usage has none', () => {
    expect(decodeAnswer(encodeAnswer(answerOf('body', { usage: undefined })))?.usage).toBeUndefined()
  })
})
