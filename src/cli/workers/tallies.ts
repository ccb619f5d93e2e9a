/**
 * What an advance's calls used and gave back, added up until it is told: however many calls end meanwhile, it is one
 * step for each second in which they were admitted.
 */
import type { Returns } from '../../limits/advances/advance.ts'
import type { ScopeAsk, Settlement, Tally } from '../../limits/limit-store.ts'

interface Sum {
  readonly second: number
  ended: number
  unneeded: number
  tokensBack: number
  tokensMore: number
  costBack: bigint
  cost: bigint
}

export class Tallies implements Returns {
  /** Of the advance, as the process above knows it. */
  readonly id: number
  readonly #onUntold: () => void
  #sums: Sum[] = []
  #exceeding = 0

  /** @param onUntold there is something to be told now, where there was nothing. */
  constructor(id: number, onUntold: () => void) {
    this.id = id
    this.#onUntold = onUntold
  }

  /** Settlements since the last telling that exceeded their reservation. */
  get exceeding(): number {
    return this.#exceeding
  }

  settle(second: number, { tokens, tokensReserved, cost, costReserved }: Settlement): void {
    const sum = this.#of(second)
    sum.ended += 1
    sum.costBack += costReserved
    sum.cost += cost
    if (tokens > tokensReserved) sum.tokensMore += tokens - tokensReserved
    else sum.tokensBack += tokensReserved - tokens
    if (tokens > tokensReserved || cost > costReserved) this.#exceeding += 1
  }

  /** Calls were not made. @param tokens and cost reserved of each. */
  giveBack(second: number, calls: number, tokens: number, cost: bigint): void {
    const sum = this.#of(second)
    sum.ended += calls
    sum.unneeded += calls
    sum.tokensBack += tokens * calls
    sum.costBack += cost * BigInt(calls)
  }

  /** A call takes less than was reserved for it. */
  lessen(second: number, tokens: number, cost: bigint): void {
    const sum = this.#of(second)
    sum.tokensBack += tokens
    sum.costBack += cost
  }

  /** @returns all of it, to be told now. */
  take(asks: readonly ScopeAsk[]): readonly Tally[] {
    const sums = this.#sums
    this.#sums = []
    this.#exceeding = 0
    return sums.map((sum) => ({ ...sum, asks }))
  }

  /** Calls end in the second of their admission, or in some later one. */
  #of(second: number): Sum {
    const last = this.#sums.at(-1)
    if (last?.second === second) return last
    if (last === undefined) this.#onUntold()
    let sum = this.#sums.find((each) => each.second === second)
    if (sum === undefined) {
      sum = { second, ended: 0, unneeded: 0, tokensBack: 0, tokensMore: 0, costBack: 0n, cost: 0n }
      this.#sums.push(sum)
    }
    return sum
  }
}
