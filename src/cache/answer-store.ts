/** Where answers are kept. Each store passes the same list of cases. */
import type { CacheStoreName } from '../config/response-cache.ts'
import type { CachedAnswer } from './cached-answer.ts'

export interface AnswerStore {
  readonly kind: CacheStoreName
  /** Without a promise where the store is in this process. @throws RedisUnavailableError (as rejection). */
  find(key: string): CachedAnswer | undefined | Promise<CachedAnswer | undefined>
  /**
   * Keeps an answer for `ttlMs`. Nobody waits for it; an answer that cannot be kept is given up.
   * @param answer whose body is its owner's alone: it is kept without a copy.
   */
  keep(key: string, answer: CachedAnswer, ttlMs: number): void
  /** @returns how many of the keys there were. @throws RedisUnavailableError (as rejection). */
  delete(keys: readonly string[]): Promise<number>
  /** Deletes all answers, and nothing else. @returns how many. @throws RedisUnavailableError (as rejection). */
  clear(): Promise<number>
  /** Writes and reads. @returns what the store says. @throws RedisUnavailableError (as rejection). */
  ping(): Promise<string>
}
