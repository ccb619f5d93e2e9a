/** The advances that a process takes calls up of, found by what a call asks without a name being joined for it. */
import type { ScopeAsk } from '../limit-store.ts'
import { firstScope } from '../same-asks.ts'
import type { Advance, Returns } from './advance.ts'

export class OwnAdvances<R extends Returns> {
  /** By the first scope that they ask. */
  readonly #byScope = new Map<string, Advance<R>[]>()
  /** By each scope that they ask. */
  readonly #byAnyScope = new Map<string, Set<Advance<R>>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The advance for calls of these scopes, whatever their limits. */
  get(asks: readonly ScopeAsk[]): Advance<R> | undefined {
    const advances = this.#byScope.get(firstScope(asks))
    if (advances === undefined) return undefined
    for (const advance of advances) if (asksTheSameScopes(asks, advance.asks)) return advance
    return undefined
  }

  /** There is none for these scopes. */
  add(advance: Advance<R>): void {
    const scope = firstScope(advance.asks)
    const advances = this.#byScope.get(scope)
    if (advances === undefined) this.#byScope.set(scope, [advance])
    else advances.push(advance)
    this.#size += 1
    for (const ask of advance.asks) {
      const touching = this.#byAnyScope.get(ask.scope)
      if (touching === undefined) this.#byAnyScope.set(ask.scope, new Set([advance]))
      else touching.add(advance)
    }
  }

  /** Does nothing when it is not there any more. */
  delete(advance: Advance<R>): void {
    const scope = firstScope(advance.asks)
    const advances = this.#byScope.get(scope)
    const index = advances?.indexOf(advance) ?? -1
    if (advances === undefined || index === -1) return
    advances.splice(index, 1)
    if (advances.length === 0) this.#byScope.delete(scope)
    this.#size -= 1
    for (const ask of advance.asks) {
      const touching = this.#byAnyScope.get(ask.scope)
      touching?.delete(advance)
      if (touching?.size === 0) this.#byAnyScope.delete(ask.scope)
    }
  }

  /** Those that ask a scope, as they are now. */
  touching(scope: string): readonly Advance<R>[] {
    return [...(this.#byAnyScope.get(scope) ?? [])]
  }

  /** All of them, as they are now. */
  list(): readonly Advance<R>[] {
    return [...this.#byScope.values()].flat()
  }
}

/** Calls that cost nothing ask for no budgets: they are of another kind. */
function asksTheSameScopes(asks: readonly ScopeAsk[], others: readonly ScopeAsk[]): boolean {
  if (asks.length !== others.length) return false
  for (let index = 0; index < asks.length; index += 1) {
    const ask = asks[index]
    const other = others[index]
    if (ask === undefined || other === undefined) return false
    if (ask.scope !== other.scope || (ask.budget === undefined) !== (other.budget === undefined)) return false
  }
  return true
}
