/** Who is told how admissions go. Telling must be cheap and never throw. */
import type { ScopeKind } from '../record/scope.ts'
import type { LimitKind } from './limit-store.ts'

export interface LimitObserver {
  /** @param store `local`: counted by this process alone. */
  admitted(store: 'shared' | 'local'): void
  refused(scope: ScopeKind, limit: LimitKind): void
  /** The shared store answered to an admission, in so many milliseconds. */
  storeAnswered(tookMs: number): void
  /** It did not, or did not take up what ended calls have used. */
  storeFailed(step: 'admission' | 'settlement'): void
  /** It answered with an error of its own. */
  storeError(error: unknown): void
}
