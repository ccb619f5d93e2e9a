/**
 * The ledger's face to the call path. Both verbs only append to the journal (a local file, one write for all calls
 * of a turn of the event loop) and call back when that write has been handed to the operating system; PostgreSQL
 * is reached later, in batches, and never waited for.
 */
import type { CallEnd, CallStart, DeploymentFacts } from '../record/call-record.ts'
import type { Usage } from '../dialects/usage.ts'
import type { Picodollars } from '../money/picodollars.ts'

/** Told when a record is in the operating system's hands. Implemented by the call, so that no closure is made. */
export interface JournalWaiter {
  onStartJournaled(): void
  onEndJournaled(): void
}

/** What an interrupted call will be booked with, should the process die. */
export interface StartEstimate {
  readonly usage: Usage
  readonly cost: Picodollars
}

export interface Ledger {
  /** Writes that a call is about to reach a provider. The request goes out in `waiter.onStartJournaled`. */
  start(start: CallStart, deployment: DeploymentFacts, estimate: StartEstimate, waiter: JournalWaiter): void
  /**
   * Writes how the call ended; the last byte goes to the client in `waiter.onEndJournaled`. Called once a call, also
   * for calls that were refused before `start`.
   */
  settle(start: CallStart, end: CallEnd, waiter: JournalWaiter): void
  /** Moves everything to PostgreSQL, as far as it answers within `timeoutMs`, and closes the journal. */
  close(timeoutMs: number): Promise<void>
  /** Waits until all records settled so far are in PostgreSQL: for tests and shutdown. */
  flush(): Promise<void>
}
