/** How much output a call of a model group will have, learned from those before it. */

/** Of a group that no call has ended of. */
const FIRST_GUESS_TOKENS = 128
/** The share of calls that are to have no more output than is reserved. */
const QUANTILE = 0.8
const CALLS_REMEMBERED = 256
/** A quantile is found anew when this share of what is remembered is new; at the begin after each call. */
const LEARN_AFTER_SHARE = 1 / 4
/** Clients choose the names of groups behind a wildcard. */
const MAX_GROUPS = 1_000

interface Group {
  readonly outputs: Float64Array
  remembered: number
  next: number
  sinceLearned: number
  quantile: number
}

export class OutputQuantiles {
  readonly #groups = new Map<string, Group>()

  /** Tokens to reserve for the output of a call. */
  estimate(modelGroup: string): number {
    return this.#groups.get(modelGroup)?.quantile ?? FIRST_GUESS_TOKENS
  }

  learn(modelGroup: string, outputTokens: number): void {
    const group = this.#groups.get(modelGroup) ?? this.#begin(modelGroup)
    group.outputs[group.next] = outputTokens
    group.next = (group.next + 1) % CALLS_REMEMBERED
    group.remembered = Math.min(group.remembered + 1, CALLS_REMEMBERED)
    group.sinceLearned += 1
    if (group.sinceLearned < group.remembered * LEARN_AFTER_SHARE) return
    group.sinceLearned = 0
    const sorted = group.outputs.subarray(0, group.remembered).toSorted()
    group.quantile = sorted[Math.ceil(sorted.length * QUANTILE) - 1] ?? FIRST_GUESS_TOKENS
  }

  #begin(modelGroup: string): Group {
    if (this.#groups.size >= MAX_GROUPS) {
      const oldest = this.#groups.keys().next()
      if (!oldest.done) this.#groups.delete(oldest.value)
    }
    const group: Group = {
      outputs: new Float64Array(CALLS_REMEMBERED),
      remembered: 0,
      next: 0,
      sinceLearned: 0,
      quantile: FIRST_GUESS_TOKENS,
    }
    this.#groups.set(modelGroup, group)
    return group
  }
}
