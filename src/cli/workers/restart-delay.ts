/** How long the next start of a worker waits after others have died: not at all once, longer each time they die young. */

/** A worker that lived so long did not die of its start. */
const GROWN_UP_MS = 60_000
const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 30_000

export class RestartDelay {
  #diedYoung = 0

  /** @returns the time to wait before the next start, in milliseconds. */
  afterDeath(lifeMs: number): number {
    this.#diedYoung = lifeMs < GROWN_UP_MS ? this.#diedYoung + 1 : 0
    if (this.#diedYoung <= 1) return 0
    return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#diedYoung - 2))
  }
}
