/** The changes of the last moments, so that a look-up which was under way can tell whether one of them concerns it. */
import type { PrincipalChange } from '../storage/queries/principals.ts'

/** A look-up that has seen more changes than these go by takes itself for outdated. */
const KEPT = 1_000

/** A moment between two changes. */
export type ChangePosition = number

export class RecentChanges {
  readonly #changes: PrincipalChange[] = []
  /** How many are no longer kept. */
  #gone = 0

  /** Where the next change will stand. */
  get position(): ChangePosition {
    return this.#gone + this.#changes.length
  }

  add(change: PrincipalChange): void {
    this.#changes.push(change)
    if (this.#changes.length <= 2 * KEPT) return
    this.#changes.splice(0, KEPT)
    this.#gone += KEPT
  }

  /** Whether any change since then may concern what `concerns` knows; true when too many have come to say. */
  since(position: ChangePosition, concerns: (change: PrincipalChange) => boolean): boolean {
    const from = position - this.#gone
    return from < 0 || this.#changes.slice(from).some(concerns)
  }
}
