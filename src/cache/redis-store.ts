/**
 * Answers in Redis, shared by all processes. It has no copy of them in this process: a deleted answer would live on in
 * the other ones.
 */
import type { Redis } from '../redis/redis.ts'
import type { AnswerStore } from './answer-store.ts'
import { decodeAnswer, encodeAnswer, type CachedAnswer } from './cached-answer.ts'

/** Answers on their way to a slow server; beyond it they are given up. */
const MAX_WRITING_BYTES = 32 * 1_048_576

export class RedisStore implements AnswerStore {
  readonly kind = 'redis'
  readonly #redis: Redis
  /** Before each key: nothing else of this Redis begins so. */
  readonly #prefix: string
  #writingBytes = 0
  #failedWrites = 0

  constructor(redis: Redis) {
    this.#redis = redis
    this.#prefix = `${redis.namespace}sluice:answer:`
  }

  /** Answers that could not be kept. */
  get failedWrites(): number {
    return this.#failedWrites
  }

  find(key: string): CachedAnswer | undefined | Promise<CachedAnswer | undefined> {
    return this.#redis.available ? this.#read(key) : undefined
  }

  async #read(key: string): Promise<CachedAnswer | undefined> {
    const entry = await this.#redis.get(this.#prefix + key)
    return entry === undefined ? undefined : decodeAnswer(entry)
  }

  keep(key: string, answer: CachedAnswer, ttlMs: number): void {
    if (!this.#redis.available || this.#writingBytes + answer.body.length > MAX_WRITING_BYTES) {
      this.#failedWrites += 1
      return
    }
    void this.#write(this.#prefix + key, encodeAnswer(answer), ttlMs)
  }

  async #write(key: string, entry: Buffer, ttlMs: number): Promise<void> {
    this.#writingBytes += entry.length
    try {
      await this.#redis.set(key, entry, ttlMs)
    } catch {
      this.#failedWrites += 1
    } finally {
      this.#writingBytes -= entry.length
    }
  }

  async delete(keys: readonly string[]): Promise<number> {
    return await this.#redis.delete(keys.map((key) => this.#prefix + key))
  }

  async clear(): Promise<number> {
    return await this.#redis.deleteByPrefix(this.#prefix)
  }

  async ping(): Promise<string> {
    await this.#redis.set(`${this.#prefix}ping`, 'ping', 1_000)
    return await this.#redis.ping()
  }
}
