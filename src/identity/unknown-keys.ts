/** Hashes of keys that were looked up in vain a moment ago: a client that repeats a wrong key costs no queries. */

const CAPACITY = 2_000
/** Short, for a key may be made under a hash that was asked for before, by another process. */
const LIFETIME_MS = 2_000

export class UnknownKeys {
  readonly #untilMs = new Map<string, number>()

  has(keyHash: string, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(keyHash)
    if (untilMs === undefined) return false
    if (untilMs > nowMs) return true
    this.#untilMs.delete(keyHash)
    return false
  }

  add(keyHash: string, nowMs: number): void {
    this.#untilMs.delete(keyHash)
    this.#untilMs.set(keyHash, nowMs + LIFETIME_MS)
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size <= CAPACITY) return
      this.#untilMs.delete(oldest)
    }
  }

  delete(keyHash: string): void {
    this.#untilMs.delete(keyHash)
  }

  clear(): void {
    this.#untilMs.clear()
  }
}
