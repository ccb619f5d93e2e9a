/** The response cache: which calls it answers, under which name an answer is kept, and where. */
import type { CacheScope, CacheStoreName } from '../config/response-cache.ts'
import type { RepeatRules } from '../dialects/repeat-rules.ts'
import { isStateful, REPEAT_RULES } from '../dialects/repeat-rules.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { CallType } from '../record/call-record.ts'
import type { Redis } from '../redis/redis.ts'
import type { AnswerStore } from './answer-store.ts'
import { readCacheControls } from './cache-controls.ts'
import { cacheKey, type KeyedRequest } from './cache-key.ts'
import type { CachedAnswer } from './cached-answer.ts'
import { MemoryStore } from './memory-store.ts'
import { RedisStore } from './redis-store.ts'

export interface CacheSettings {
  readonly kind: CacheStoreName
  /** How long an answer is kept when its request does not say. */
  readonly ttlMs: number
  readonly callTypes: ReadonlySet<CallType>
  /** False: only calls that ask for it use the cache. */
  readonly onByDefault: boolean
  readonly scope: CacheScope
  /** Of the answers that are kept in this process. */
  readonly maxMemoryBytes: number
}

export interface CacheRequest extends KeyedRequest {
  readonly callType: CallType
  /** Controls that the key may set; an empty list allows all. */
  readonly allowedControls: readonly string[]
}

/** What one call wants of the cache. */
export interface CacheQuestion {
  /** Name of the answer: told to the client, and taken by `/cache/delete`. */
  readonly key: string
  /** False: the call goes to a provider whatever is kept. */
  readonly mayFind: boolean
  /** False: its answer is not kept. */
  readonly mayKeep: boolean
  readonly ttlMs: number
  /** Answers older than this are not taken. */
  readonly maxAgeMs: number | undefined
  readonly rules: RepeatRules
  /** A reload of the configuration does not change the place in the midst of a call. */
  readonly store: AnswerStore
}

/** For gauges and counters; counts are since the start of the process. */
export interface CacheStats {
  readonly bytes: number
  readonly entries: number
  readonly evictions: number
  readonly failedReads: number
  readonly failedWrites: number
}

export interface ResponseCacheParts {
  /** Undefined when this process has none. */
  readonly redis: Redis | undefined
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** Larger answers are not kept: each one would drive out many. */
export const MAX_ANSWER_BYTES = 2 * 1_048_576

export class ResponseCache {
  readonly #redis: Redis | undefined
  readonly #clock: () => number
  #settings: CacheSettings | undefined
  #store: AnswerStore | undefined
  #memory: MemoryStore | undefined
  #redisStore: RedisStore | undefined
  #failedReads = 0

  /** Off until `configure`. */
  constructor({ redis, clock }: ResponseCacheParts) {
    this.#redis = redis
    this.#clock = clock
  }

  /** What is in force; undefined while answers are not cached. */
  get settings(): CacheSettings | undefined {
    return this.#store === undefined ? undefined : this.#settings
  }

  get stats(): CacheStats {
    return {
      bytes: this.#memory?.bytes ?? 0,
      entries: this.#memory?.size ?? 0,
      evictions: this.#memory?.evictions ?? 0,
      failedReads: this.#failedReads,
      failedWrites: this.#redisStore?.failedWrites ?? 0,
    }
  }

  /**
   * Takes up a configuration; undefined switches the cache off.
   * @returns false when it asks for Redis and this process has none: then nothing is cached.
   */
  configure(settings: CacheSettings | undefined): boolean {
    this.#settings = settings
    this.#store = settings === undefined ? undefined : this.#open(settings)
    if (settings?.kind !== 'local') void this.#memory?.clear()
    return settings === undefined || this.#store !== undefined
  }

  #open({ kind, maxMemoryBytes }: CacheSettings): AnswerStore | undefined {
    if (kind === 'redis') {
      if (this.#redis !== undefined) this.#redisStore ??= new RedisStore(this.#redis)
      return this.#redisStore
    }
    this.#memory ??= new MemoryStore(maxMemoryBytes, this.#clock)
    this.#memory.resize(maxMemoryBytes)
    return this.#memory
  }

  /**
   * What a call wants of the cache; undefined when it is none of the cache's.
   * @throws GatewayError `bad_request` for wrong controls, or such as the key may not set.
   */
  ask(request: CacheRequest): CacheQuestion | undefined {
    const settings = this.#settings
    const store = this.#store
    const rules = REPEAT_RULES[request.dialect.name]
    if (settings === undefined || store === undefined || rules === undefined) return undefined
    const controls = readCacheControls(request.members, request.allowedControls)
    if (!(controls.useCache ?? settings.onByDefault) || !settings.callTypes.has(request.callType))
      return undefined
    // A bound of no output warms the provider's own prompt cache, which no kept answer does.
    if (request.facts.maxOutputTokens === 0 || isStateful(rules, request.members)) return undefined
    if (controls.noCache && controls.noStore) return undefined
    return {
      key: cacheKey(request, rules, settings.scope, controls.namespace),
      mayFind: !controls.noCache,
      mayKeep: !controls.noStore,
      ttlMs: controls.ttlMs ?? settings.ttlMs,
      maxAgeMs: controls.maxAgeMs,
      rules,
      store,
    }
  }

  /** Never rejects: without an answer from its store, it has none. Without a promise for a store in this process. */
  find(question: CacheQuestion): CachedAnswer | undefined | Promise<CachedAnswer | undefined> {
    if (!question.mayFind) return undefined
    const found = question.store.find(question.key)
    return found instanceof Promise ? this.#whenFound(question, found) : this.#fresh(question, found)
  }

  async #whenFound(
    question: CacheQuestion,
    found: Promise<CachedAnswer | undefined>,
  ): Promise<CachedAnswer | undefined> {
    try {
      return this.#fresh(question, await found)
    } catch {
      this.#failedReads += 1
      return undefined
    }
  }

  #fresh({ maxAgeMs }: CacheQuestion, answer: CachedAnswer | undefined): CachedAnswer | undefined {
    if (answer === undefined || maxAgeMs === undefined) return answer
    return this.#clock() - answer.storedAtMs <= maxAgeMs ? answer : undefined
  }

  /**
   * Keeps the answer of a call that ended well, unless it is too large or no use a second time.
   * @param pieces the bytes that the client got, in order.
   */
  keep(
    { key, mayKeep, ttlMs, rules, store }: CacheQuestion,
    answer: Omit<CachedAnswer, 'storedAtMs' | 'body'>,
    pieces: readonly Buffer[],
  ): void {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
    if (!mayKeep || ttlMs < 1 || length > MAX_ANSWER_BYTES) return
    const body = ownCopy(pieces, length)
    if (rules.isSound(body, answer.isStream))
      store.keep(key, { ...answer, storedAtMs: this.#clock(), body }, ttlMs)
  }

  /** @returns how many of the keys there were. @throws GatewayError `cache_unavailable`. */
  async delete(keys: readonly string[]): Promise<number> {
    return await this.#use((store) => store.delete(keys))
  }

  /** Deletes all answers, and nothing else. @returns how many. @throws GatewayError `cache_unavailable`. */
  async clear(): Promise<number> {
    return await this.#use((store) => store.clear())
  }

  /** Writes and reads. @throws GatewayError `cache_unavailable`. */
  async ping(): Promise<string> {
    return await this.#use((store) => store.ping())
  }

  async #use<Result>(task: (store: AnswerStore) => Promise<Result>): Promise<Result> {
    const store = this.#store
    if (store === undefined) {
      throw new GatewayError(
        'cache_unavailable',
        'No response cache is in force: set litellm_settings.cache to true, and cache_params.type to local or redis.',
      )
    }
    try {
      return await task(store)
    } catch (cause) {
      throw new GatewayError(
        'cache_unavailable',
        'Redis does not answer: see the log of the gateway, and try again.',
        { cause },
      )
    }
  }
}

/** The pieces may be parts of larger buffers, which would live as long as they. */
function ownCopy(pieces: readonly Buffer[], length: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(length)
  let at = 0
  for (const piece of pieces) at += piece.copy(copy, at)
  return copy
}
