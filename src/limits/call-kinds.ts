/** What the calls of one message ask, each kind once: calls that come together are mostly of few keys. */
import type { AdmitMessage, ScopeAsk } from './limit-store.ts'
import { asksTheSame, firstScope } from './same-asks.ts'

interface CallKind {
  readonly asks: readonly ScopeAsk[]
  /** Of its calls that were admitted. */
  readonly taken: { calls: number; tokens: number; cost: bigint }
}

export class CallKinds {
  readonly list: CallKind[] = []
  /** By call. */
  readonly #places: number[] = []
  /** By the first scope that is asked: the place of the last kind that asks it first. */
  readonly #byScope = new Map<string, number>()

  constructor(calls: readonly AdmitMessage[]) {
    for (const { asks } of calls) this.#places.push(this.#find(asks) ?? this.#add(asks))
  }

  /** Where in the list the kind of a call stands. */
  placeOf(call: number): number {
    return this.#places[call] ?? -1
  }

  /** Adds to what is taken of the kind of this call. */
  admitted(call: number, { tokens, cost }: AdmitMessage): void {
    const taken = this.list[this.placeOf(call)]?.taken
    if (taken === undefined) return
    taken.calls += 1
    taken.tokens += tokens
    taken.cost += cost
  }

  #find(asks: readonly ScopeAsk[]): number | undefined {
    const place = this.#byScope.get(firstScope(asks))
    const known = place === undefined ? undefined : this.list[place]
    return known !== undefined && asksTheSame(asks, known.asks) ? place : undefined
  }

  #add(asks: readonly ScopeAsk[]): number {
    this.#byScope.set(firstScope(asks), this.list.length)
    return this.list.push({ asks, taken: { calls: 0, tokens: 0, cost: 0n } }) - 1
  }
}
