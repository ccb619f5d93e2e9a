/** Calls rest now and then, so that what a gateway keeps can be told from what calls under way hold. */
export class Rests {
  #wanted: (() => Promise<void>) | undefined
  #taken = Promise.withResolvers<void>()
  #hasEnded = false

  get isWanted(): boolean {
    return this.#wanted !== undefined
  }

  /** Does something while no call is under way. @returns when it is done, or calls have ended for good. */
  async during(work: () => Promise<void>): Promise<void> {
    if (this.#hasEnded) return
    this.#taken = Promise.withResolvers()
    this.#wanted = work
    await this.#taken.promise
  }

  /** Calls under way have ended: does what is wanted.. */
  async take(): Promise<void> {
    const work = this.#wanted
    this.#wanted = undefined
    await work?.()
    this.#taken.resolve()
  }

  /** No more calls come. */
  end(): void {
    this.#hasEnded = true
    this.#wanted = undefined
    this.#taken.resolve()
  }
}
