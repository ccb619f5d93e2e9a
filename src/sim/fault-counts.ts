/** How often a fault has struck each call: `times=K` lets a call through after K failures. */

const MAX_CALLS = 10_000

export class FaultCounts {
  readonly #struck = new Map<string, number>()

  /**
   * Whether the fault strikes this attempt. After `times` failures one attempt goes through, and the count begins
   * anew.
   * @param key what tells one call from another: the gateway's call id, or else the body.
   */
  strikes(key: string, times: number | undefined): boolean {
    if (times === undefined) return true
    const struck = this.#struck.get(key) ?? 0
    if (struck >= times) {
      this.#struck.delete(key)
      return false
    }
    if (this.#struck.size >= MAX_CALLS) this.#struck.clear()
    this.#struck.set(key, struck + 1)
    return true
  }
}
