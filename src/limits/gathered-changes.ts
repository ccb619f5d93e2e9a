/**
 * What ended calls give back and have cost, added up by key until a message takes it to Redis: the calls of a turn are
 * mostly of few keys, and a change costs Redis the same whatever it adds.
 */
import type { ScriptChange } from './script-message.ts'
import type { ScriptKeys } from './script-keys.ts'

/** Redis counts in 64 bits: what is more goes in several changes. */
const LARGEST = 2n ** 63n - 1n

/** What is to be told of one key. */
class KeyChanges {
  /** Calls under way, more or less. */
  parallel = 0
  /** Picodollars, more or less. */
  reserved = 0n
  /** Picodollars. */
  settled = 0n
  tokensMore = 0
  /** By the second in which they were counted. */
  tokensBack: Map<number, number> | undefined
  requestsBack: Map<number, number> | undefined

  takeBackTokens(second: number, tokens: number): void {
    this.tokensBack ??= new Map()
    this.tokensBack.set(second, (this.tokensBack.get(second) ?? 0) + tokens)
  }

  takeBackRequests(second: number, requests: number): void {
    this.requestsBack ??= new Map()
    this.requestsBack.set(second, (this.requestsBack.get(second) ?? 0) + requests)
  }

  addTo(changes: ScriptChange[], index: number): void {
    if (this.parallel !== 0) changes.push(['p', index, String(this.parallel)])
    if (this.reserved !== 0n) changes.push(['r', index, String(this.reserved)])
    for (let left = this.settled; left > 0n; left -= LARGEST)
      changes.push(['c', index, String(left < LARGEST ? left : LARGEST)])
    if (this.tokensMore > 0) changes.push(['t', index, 0, this.tokensMore])
    if (this.tokensBack !== undefined)
      for (const [second, tokens] of this.tokensBack) changes.push(['t', index, second, -tokens])
    if (this.requestsBack !== undefined)
      for (const [second, requests] of this.requestsBack) changes.push(['q', index, second, -requests])
  }
}

export class GatheredChanges {
  #byKey = new Map<string, KeyChanges>()

  /** The number of keys that are changed. */
  get size(): number {
    return this.#byKey.size
  }

  /** Calls under way. */
  addParallel(scope: string, calls: number): void {
    this.#of(`parallel:${scope}`).parallel += calls
  }

  /** @param amount picodollars. */
  addReserved(account: string, amount: bigint): void {
    if (amount === 0n) return
    this.#of(`budget:${account}`).reserved += amount
  }

  /** @param amount picodollars. */
  addSettled(account: string, amount: bigint): void {
    this.#of(`budget:${account}`).settled += amount
  }

  /**
   * @param second in which the tokens were counted that were reserved.
   * @param difference what was used beyond them; less than zero where it was less.
   */
  addTokens(scope: string, second: number, difference: number): void {
    if (difference === 0) return
    const changes = this.#of(`rate:${scope}`)
    if (difference > 0) changes.tokensMore += difference
    else changes.takeBackTokens(second, -difference)
  }

  /** Requests that were counted in a second, and were not made. */
  takeBackRequests(scope: string, second: number, requests: number): void {
    this.#of(`rate:${scope}`).takeBackRequests(second, requests)
  }

  /** Forgets what is held or no longer held; what was used stays. */
  forgetHeld(): void {
    for (const changes of this.#byKey.values()) {
      changes.parallel = 0
      changes.reserved = 0n
    }
  }

  clear(): void {
    this.#byKey.clear()
  }

  /** Takes what is to be told of so many keys. */
  take(most: number, keys: ScriptKeys): ScriptChange[] {
    const taken: ScriptChange[] = []
    for (const [key, changes] of this.#byKey) {
      if (keys.length > most) break
      changes.addTo(taken, keys.index(key))
      this.#byKey.delete(key)
    }
    return taken
  }

  #of(key: string): KeyChanges {
    let changes = this.#byKey.get(key)
    if (changes === undefined) this.#byKey.set(key, (changes = new KeyChanges()))
    return changes
  }
}
