/**
 * What this process can be sure that the store knows of the spend of accounts: what that has said, and what this
 * process has settled. Whoever knows of more has to tell it in its place among what was settled: the store takes the
 * greater of the two, and what was spent before and is told after would count twice.
 */
import type { ScopeAsk, ScopeUse, Settlement } from '../limit-store.ts'

interface Known {
  /** What the store has counted, with what this process has settled since: picodollars. */
  total: bigint | undefined
  /** Settled by this process since this is kept. */
  added: bigint
}

/** Accounts of a question, with what this process had settled when it asked. */
export type Marks = readonly (
  | { readonly account: string; readonly known: Known; readonly added: bigint }
  | undefined
)[]

export class KnownSpend {
  readonly #accounts = new Map<string, Known>()

  /** Whether the store knows of all spend that these asks tell of. */
  covers(asks: readonly ScopeAsk[]): boolean {
    for (let index = 0; index < asks.length; index += 1) {
      const budget = asks[index]?.budget
      if (budget === undefined) continue
      const total = this.#accounts.get(budget.account)?.total
      if (total === undefined || total < budget.spent) return false
    }
    return true
  }

  /** A question goes out, behind all that is settled so far. */
  asked(asks: readonly ScopeAsk[]): Marks {
    return asks.map(({ budget }) => {
      if (budget === undefined) return undefined
      let known = this.#accounts.get(budget.account)
      if (known === undefined) this.#accounts.set(budget.account, (known = { total: undefined, added: 0n }))
      return { account: budget.account, known, added: known.added }
    })
  }

  /** The store has admitted it: what was settled since comes on top. */
  told(marks: Marks, uses: readonly ScopeUse[]): void {
    for (const [index, mark] of marks.entries()) {
      const settled = uses[index]?.settled
      if (mark === undefined || settled === undefined) continue
      const { known, added } = mark
      const total = settled - added + known.added
      if (known.total === undefined || known.total < total) known.total = total
    }
  }

  /** A settlement is told, now or before whatever is asked next. */
  add({ accounts, cost }: Settlement): void {
    if (cost === 0n) return
    for (const account of accounts) {
      const known = account === undefined ? undefined : this.#accounts.get(account)
      if (known === undefined) continue
      known.added += cost
      if (known.total !== undefined) known.total += cost
    }
  }

  /** Nothing is admitted in advance any more. */
  clear(): void {
    this.#accounts.clear()
  }

  /** Nothing is admitted in advance for these asks any more. */
  forget(asks: readonly ScopeAsk[]): void {
    for (const { budget } of asks) if (budget !== undefined) this.#accounts.delete(budget.account)
  }
}
