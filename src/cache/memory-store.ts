/** Answers in this process: bounded by bytes, the least recently used go first. */
import type { AnswerStore } from './answer-store.ts'
import type { CachedAnswer } from './cached-answer.ts'

interface Entry {
  readonly answer: CachedAnswer
  readonly expiresAtMs: number
}

/** What an entry takes beside its body: key, facts, and its place in the map. */
const ENTRY_BYTES = 1_000

export class MemoryStore implements AnswerStore {
  readonly kind = 'local'
  readonly #clock: () => number
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>()
  #maxBytes: number
  #bytes = 0
  #evictions = 0

  /** @param clock epoch milliseconds. */
  constructor(maxBytes: number, clock: () => number) {
    this.#maxBytes = maxBytes
    this.#clock = clock
  }

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#entries.size
  }

  /** Answers that had to go before their time. */
  get evictions(): number {
    return this.#evictions
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes
    this.#evict()
  }

  find(key: string): CachedAnswer | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    if (entry.expiresAtMs <= this.#clock()) {
      this.#bytes -= bytesOf(entry)
      return undefined
    }
    this.#entries.set(key, entry)
    return entry.answer
  }

  keep(key: string, answer: CachedAnswer, ttlMs: number): void {
    this.#remove(key)
    const entry = { answer, expiresAtMs: this.#clock() + ttlMs }
    if (bytesOf(entry) > this.#maxBytes) return
    this.#entries.set(key, entry)
    this.#bytes += bytesOf(entry)
    this.#evict()
  }

  delete(keys: readonly string[]): Promise<number> {
    return Promise.resolve(keys.filter((key) => this.#remove(key)).length)
  }

  clear(): Promise<number> {
    const count = this.#entries.size
    this.#entries.clear()
    this.#bytes = 0
    return Promise.resolve(count)
  }

  ping(): Promise<string> {
    return Promise.resolve('PONG')
  }

  #remove(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#bytes -= bytesOf(entry)
    return this.#entries.delete(key)
  }

  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return
      this.#remove(key)
      if (entry.expiresAtMs > this.#clock()) this.#evictions += 1
    }
  }
}

function bytesOf({ answer }: Entry): number {
  return answer.body.length + ENTRY_BYTES
}
