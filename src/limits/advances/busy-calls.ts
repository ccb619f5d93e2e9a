/** Tells which calls come fast enough to be admitted in advance. */
import type { ScopeAsk } from '../limit-store.ts'

/** Calls of one kind that are asked for within this time, and how many of them have the next ones admitted in advance. */
const BUSY_WITHIN_MS = 20
const BUSY_CALLS = 4

/** Calls whose limits are near, or too low for it, are not asked for in advance again for so long. */
const DENIED_FOR_MS = 1_000

export class BusyCalls {
  /** Calls since `#askedSinceMs`, by what they ask. */
  readonly #asked = new Map<string, number>()
  #askedSinceMs = 0
  /** Not admitted in advance, since `#deniedSinceMs`. */
  readonly #denied = new Set<string>()
  #deniedSinceMs = 0

  /** Counts a call. @returns whether calls like it have come fast, and may be admitted in advance. */
  notice(asks: readonly ScopeAsk[], nowMs: number): boolean {
    const key = keyOf(asks)
    if (nowMs - this.#deniedSinceMs > DENIED_FOR_MS) {
      this.#denied.clear()
      this.#deniedSinceMs = nowMs
    }
    if (this.#denied.has(key)) return false
    if (nowMs - this.#askedSinceMs > BUSY_WITHIN_MS) {
      this.#asked.clear()
      this.#askedSinceMs = nowMs
    }
    const asked = (this.#asked.get(key) ?? 0) + 1
    this.#asked.set(key, asked)
    if (asked < BUSY_CALLS) return false
    this.#asked.delete(key)
    return true
  }

  /** None was admitted in advance: not again for a while. */
  deny(asks: readonly ScopeAsk[]): void {
    this.#denied.add(keyOf(asks))
  }
}

/** The scopes that are asked, and whether for their budgets: calls that cost nothing ask for none. */
function keyOf(asks: readonly ScopeAsk[]): string {
  let key = ''
  for (let index = 0; index < asks.length; index += 1) {
    const ask = asks[index]
    if (ask !== undefined) key += ask.budget === undefined ? `${ask.scope}\n` : `${ask.scope}\n$`
  }
  return key
}
