/**
 * Large bodies one after the other: what a call does with megabytes takes milliseconds, and where several have come at
 * the same time, small calls would wait for all of them.
 */

/** Bytes of large bodies that calls go on with in one turn of the event loop: a millisecond or two. */
const BYTES_A_TURN = 1_048_576

interface Waiting {
  readonly bytes: number
  readonly resolve: () => void
}

export class BodyTurns {
  readonly #waiting: Waiting[] = []
  /** In this turn; undefined while nobody has taken one. */
  #taken: number | undefined

  /** @returns undefined where there is room in this turn; else what resolves in a later one, in the order of coming. */
  take(bytes: number): Promise<void> | undefined {
    if (this.#taken === undefined) {
      this.#taken = bytes
      // An immediate comes before the sockets are looked at again: only the one after it is of the next turn.
      setImmediate(() => setImmediate(this.#next))
      return undefined
    }
    if (this.#waiting.length > 0 || !this.#fits(bytes)) {
      return new Promise((resolve) => void this.#waiting.push({ bytes, resolve }))
    }
    this.#taken += bytes
    return undefined
  }

  /** One that is larger than a turn has a turn for itself. */
  #fits(bytes: number): boolean {
    return this.#taken === undefined || this.#taken + bytes <= BYTES_A_TURN
  }

  readonly #next = (): void => {
    this.#taken = undefined
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#taken = (this.#taken ?? 0) + next.bytes
      next.resolve()
    }
    if (this.#taken !== undefined) setImmediate(this.#next)
  }
}
