/**
 * What askers know to be spent, and the count does not yet, while workers are asked for what they have settled: that may
 * be part of it, and would count twice if the count were raised first.
 */
import type { ScopeAsk } from '../../limits/limit-store.ts'
import type { MemoryLimitStore } from '../../limits/memory-store.ts'

/** What one asker knows. */
export interface Raise {
  readonly worker: string
  /** What the count still lacks, by account: picodollars. */
  readonly missing: Map<string, bigint>
}

export class RisingSpend {
  readonly #store: MemoryLimitStore
  readonly #raises = new Set<Raise>()

  constructor(store: MemoryLimitStore) {
    this.#store = store
  }

  begin(worker: string, asks: readonly ScopeAsk[]): Raise {
    const raise = { worker, missing: this.#store.missing(asks) }
    this.#raises.add(raise)
    return raise
  }

  /** Settlements were counted. What the asker itself settles comes after what it knew. */
  settled(worker: string, accounts: readonly (string | undefined)[], cost: bigint): void {
    for (const raise of this.#raises)
      if (raise.worker !== worker)
        for (const account of accounts) if (account !== undefined) lower(raise, account, cost)
  }

  /** Counts what is still missing: workers have told all that they had settled. */
  end(raise: Raise): void {
    this.#raises.delete(raise)
    for (const [account, amount] of raise.missing) {
      if (amount <= 0n) continue
      this.#store.spent(account, amount)
      for (const other of this.#raises) lower(other, account, amount)
    }
  }

  /** Who asked is no more. */
  gone(worker: string): void {
    for (const raise of this.#raises) if (raise.worker === worker) this.#raises.delete(raise)
  }
}

function lower({ missing }: Raise, account: string, amount: bigint): void {
  const before = missing.get(account)
  if (before !== undefined) missing.set(account, before - amount)
}
