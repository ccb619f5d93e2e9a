import { describe, expect, test } from 'vitest'
import { cacheRequest, keyedRequest } from '../../test/cache/requests.ts'
import { NO_USAGE } from '../dialects/usage.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { CachedAnswer } from './cached-answer.ts'
import {
  MAX_ANSWER_BYTES,
  ResponseCache,
  type CacheQuestion,
  type CacheRequest,
  type CacheSettings,
} from './response-cache.ts'

const SETTINGS: CacheSettings = {
  kind: 'local',
  ttlMs: 60_000,
  callTypes: new Set(['acompletion', 'aresponses', 'anthropic_messages']),
  onByDefault: true,
  scope: 'team',
  maxMemoryBytes: 10_000_000,
}

const CHAT = { model: 'gpt', messages: [{ role: 'user', content: 'Hi' }] }
const FACTS = {
  modelId: 'gpt-1',
  isStream: false,
  contentType: 'application/json',
  usage: { ...NO_USAGE, inputTokens: 3, outputTokens: 4 },
}
const BODY = Buffer.from('{"choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}]}')

function cacheOf(changes: Partial<CacheSettings> = {}): { cache: ResponseCache; clock: { nowMs: number } } {
  const clock = { nowMs: 1_000_000 }
  const cache = new ResponseCache({ redis: undefined, clock: () => clock.nowMs })
  cache.configure({ ...SETTINGS, ...changes })
  return { cache, clock }
}

function asked(
  cache: ResponseCache,
  body: object = CHAT,
  changes: Partial<CacheRequest> = {},
): CacheQuestion {
  const question = cache.ask(cacheRequest(body, changes))
  if (question === undefined) throw new Error('the cache was not asked')
  return question
}

function found(cache: ResponseCache, body: object = CHAT): CachedAnswer | undefined {
  const answer = cache.find(asked(cache, body))
  if (answer instanceof Promise) throw new Error('an answer of this process needs no promise')
  return answer
}

function keep(cache: ResponseCache, body: object = CHAT, pieces: readonly Buffer[] = [BODY]): void {
  cache.keep(asked(cache, body), FACTS, pieces)
}

describe('which calls it is asked for', () => {
  test('none while it is off, and all kinds that the configuration names while it is on', () => {
    const { cache } = cacheOf()
    expect(cache.ask(cacheRequest(CHAT))).toBeDefined()
    expect(cache.ask(cacheRequest(CHAT, { callType: 'aembedding' }))).toBeUndefined()
    cache.configure(undefined)
    expect(cache.settings).toBeUndefined()
    expect(cache.ask(cacheRequest(CHAT))).toBeUndefined()
  })

  test('with default_off only those that ask for it', () => {
    const { cache } = cacheOf({ onByDefault: false })
    expect(cache.ask(cacheRequest(CHAT))).toBeUndefined()
    expect(cache.ask(cacheRequest({ ...CHAT, cache: { ttl: 5 } }))).toBeUndefined()
    expect(cache.ask(cacheRequest({ ...CHAT, cache: { 'use-cache': true } }))).toBeDefined()
    expect(cache.ask(cacheRequest({ ...CHAT, caching: true }))).toBeDefined()
  })

  test('not those whose answer is tied to what the provider holds', () => {
    const { cache } = cacheOf()
    const response = (more: object): CacheQuestion | undefined =>
      cache.ask({
        ...cacheRequest(CHAT),
        ...keyedRequest('openai-responses', { model: 'gpt', input: 'Hi', ...more }),
        callType: 'aresponses',
      })
    expect(response({ conversation: 'conv_1' })).toBeUndefined()
    expect(response({ background: true })).toBeUndefined()
    expect(response({ conversation: null, background: false })).toBeDefined()
    expect(cache.ask(cacheRequest({ ...CHAT, max_tokens: 0 }))).toBeUndefined()
    const message = { model: 'gpt', max_tokens: 5, messages: [], container: 'c' }
    const anthropic = keyedRequest('anthropic-messages', message)
    expect(cache.ask({ ...cacheRequest(CHAT), ...anthropic, callType: 'anthropic_messages' })).toBeUndefined()
    const counting = keyedRequest('anthropic-count-tokens', message)
    expect(cache.ask({ ...cacheRequest(CHAT), ...counting, callType: 'count_tokens' })).toBeUndefined()
  })

  test('a control that the key may not set is refused', () => {
    const { cache } = cacheOf()
    const request = cacheRequest({ ...CHAT, cache: { ttl: 5 } }, { allowedControls: ['no-cache'] })
    expect(() => cache.ask(request)).toThrow('may not set "ttl"')
  })
})

describe('what is found', () => {
  test('the same bytes, with the usage of the call that brought them', () => {
    const { cache, clock } = cacheOf()
    expect(found(cache)).toBeUndefined()
    keep(cache, CHAT, [BODY.subarray(0, 10), BODY.subarray(10)])
    expect(found(cache)).toEqual({ ...FACTS, storedAtMs: clock.nowMs, body: BODY })
    expect(found(cache, { ...CHAT, temperature: 0 })).toBeUndefined()
  })

  test('nothing after its time, which is the request’s before the configuration’s', () => {
    const { cache, clock } = cacheOf()
    keep(cache)
    keep(cache, { ...CHAT, seed: 1, cache: { ttl: 120 } })
    clock.nowMs += 59_999
    expect(found(cache)).toBeDefined()
    clock.nowMs += 1
    expect(found(cache)).toBeUndefined()
    expect(found(cache, { ...CHAT, seed: 1 })).toBeDefined()
    clock.nowMs += 60_000
    expect(found(cache, { ...CHAT, seed: 1 })).toBeUndefined()
  })

  test('s-maxage takes no older answers, no-cache none at all', () => {
    const { cache, clock } = cacheOf()
    keep(cache)
    clock.nowMs += 5_000
    expect(found(cache, { ...CHAT, cache: { 's-maxage': 4 } })).toBeUndefined()
    expect(found(cache, { ...CHAT, cache: { 's-maxage': 5 } })).toBeDefined()
    expect(found(cache, { ...CHAT, cache: { 'no-cache': true } })).toBeUndefined()
  })

  test('a namespace keeps apart what is asked under another one', () => {
    const { cache } = cacheOf()
    keep(cache, { ...CHAT, cache: { namespace: 'a' } })
    expect(found(cache)).toBeUndefined()
    expect(found(cache, { ...CHAT, cache: { namespace: 'b' } })).toBeUndefined()
    expect(found(cache, { ...CHAT, cache: { namespace: 'a' } })).toBeDefined()
  })
})

describe('what is kept', () => {
  test('nothing with no-store, nor for no time', () => {
    const { cache } = cacheOf()
    keep(cache, { ...CHAT, cache: { 'no-store': true } })
    keep(cache, { ...CHAT, cache: { ttl: 0 } })
    expect(found(cache)).toBeUndefined()
    expect(
      cache.ask(cacheRequest({ ...CHAT, cache: { 'no-store': true, 'no-cache': true } })),
    ).toBeUndefined()
  })

  test('no answer that is too large, nor one that is broken in itself', () => {
    const { cache } = cacheOf()
    keep(cache, CHAT, [BODY, Buffer.alloc(MAX_ANSWER_BYTES, 0x20)])
    expect(found(cache)).toBeUndefined()
    keep(cache, CHAT, [Buffer.from(BODY.toString().replace('stop', 'content_filter'))])
    expect(found(cache)).toBeUndefined()
  })

  test('a copy: the bytes of the connection may be used again', () => {
    const { cache } = cacheOf()
    const piece = Buffer.from(BODY)
    keep(cache, CHAT, [piece])
    piece.fill(0)
    expect(found(cache)?.body).toEqual(BODY)
  })

  test('no more than fits, the least recently used going first', () => {
    const { cache } = cacheOf({ maxMemoryBytes: 3 * (BODY.length + 1_000) })
    const question = (seed: number): object => ({ ...CHAT, seed })
    for (const seed of [1, 2, 3]) keep(cache, question(seed))
    expect(found(cache, question(1))).toBeDefined()
    keep(cache, question(4))
    expect([1, 2, 3, 4].map((seed) => found(cache, question(seed)) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ])
    expect(cache.stats).toMatchObject({ entries: 3, evictions: 1, bytes: 3 * (BODY.length + 1_000) })
  })
})

describe('a reload', () => {
  test('changes time, bound and scope of what follows, and a call under way ends in the place that it began with', () => {
    const { cache, clock } = cacheOf()
    const question = asked(cache)
    cache.configure({ ...SETTINGS, ttlMs: 1_000 })
    cache.keep(question, FACTS, [BODY])
    keep(cache, { ...CHAT, seed: 1 })
    clock.nowMs += 1_000
    expect(found(cache)).toBeDefined()
    expect(found(cache, { ...CHAT, seed: 1 })).toBeUndefined()
    cache.configure({ ...SETTINGS, maxMemoryBytes: 1 })
    expect(cache.stats).toMatchObject({ entries: 0, bytes: 0 })
  })

  test('that switches the cache off frees its memory', () => {
    const { cache } = cacheOf()
    keep(cache)
    expect(cache.configure(undefined)).toBe(true)
    expect(cache.stats).toMatchObject({ entries: 0, bytes: 0 })
  })

  test('that asks for a Redis which this process has not leaves answers uncached', () => {
    const { cache } = cacheOf()
    expect(cache.configure({ ...SETTINGS, kind: 'redis' })).toBe(false)
    expect(cache.settings).toBeUndefined()
    expect(cache.ask(cacheRequest(CHAT))).toBeUndefined()
  })
})

describe('administration', () => {
  test('deletes answers by name, and all of them', async () => {
    const { cache } = cacheOf()
    keep(cache)
    keep(cache, { ...CHAT, seed: 1 })
    keep(cache, { ...CHAT, seed: 2 })
    expect(await cache.delete([asked(cache).key, 'f'.repeat(64)])).toBe(1)
    expect(found(cache)).toBeUndefined()
    expect(found(cache, { ...CHAT, seed: 1 })).toBeDefined()
    expect(await cache.clear()).toBe(2)
    expect(found(cache, { ...CHAT, seed: 1 })).toBeUndefined()
    expect(cache.stats.bytes).toBe(0)
  })

  test('is refused with what to do while the cache is off', async () => {
    const { cache } = cacheOf()
    expect(await cache.ping()).toBe('PONG')
    cache.configure(undefined)
    const error = (await cache.ping().catch((thrown: unknown) => thrown)) as GatewayError
    expect(error).toMatchObject({ code: 'cache_unavailable', status: 503 })
    expect(error.message).toContain('litellm_settings.cache')
  })
})
