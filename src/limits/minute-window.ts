/** A count over the last minute: one bucket a second, and their sum. */

/**
 * Seconds that count: the one that goes on, and the sixty before it. So whatever happened within any sixty seconds is
 * counted together, and a limit holds for every minute, however it is cut; what is counted leaves after 60 to 61 s.
 */
export const LIVE_SECONDS = 61

export class MinuteWindow {
  readonly #buckets: number[] = Array.from({ length: LIVE_SECONDS }, () => 0)
  #newest = 0
  #sum = 0

  /** What was counted in the minute that ends now. A clock that goes back by less counts on in its newest second. */
  sum(second: number): number {
    const passed = second - this.#newest
    if (passed >= LIVE_SECONDS || passed <= -LIVE_SECONDS) this.#beginAt(second)
    else for (let gone = this.#newest + 1; gone <= second; gone += 1) this.#empty(gone)
    if (passed > 0) this.#newest = second
    return this.#sum
  }

  /** @returns the sum with it. */
  add(second: number, count: number): number {
    this.sum(second)
    this.#put(this.#newest, count)
    return this.#sum
  }

  /**
   * Corrects what was counted: more than was reserved counts now; less is taken from the second of the reservation,
   * if that still counts.
   */
  correct(second: number, reservedIn: number, difference: number): void {
    this.sum(second)
    if (difference > 0) this.#put(this.#newest, difference)
    else if (this.#counts(reservedIn)) this.#put(reservedIn, -Math.min(-difference, this.#at(reservedIn)))
  }

  /** When the sum will be below a limit that it has reached, in milliseconds: the oldest counts leave first. */
  freeInMs(nowMs: number, limit: number): number {
    let left = this.sum(Math.floor(nowMs / 1000))
    for (let second = this.#newest - LIVE_SECONDS + 1; second <= this.#newest; second += 1) {
      left -= this.#at(second)
      if (left < limit) return (second + LIVE_SECONDS) * 1000 - nowMs
    }
    return LIVE_SECONDS * 1000
  }

  #counts(second: number): boolean {
    return second <= this.#newest && second > this.#newest - LIVE_SECONDS
  }

  #at(second: number): number {
    return this.#buckets[second % LIVE_SECONDS] ?? 0
  }

  #put(second: number, count: number): void {
    this.#buckets[second % LIVE_SECONDS] = this.#at(second) + count
    this.#sum += count
  }

  /** The bucket of a new second is that of the second which leaves. */
  #empty(second: number): void {
    this.#sum -= this.#at(second)
    this.#buckets[second % LIVE_SECONDS] = 0
  }

  #beginAt(second: number): void {
    this.#buckets.fill(0)
    this.#sum = 0
    this.#newest = second
  }
}
