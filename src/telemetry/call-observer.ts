/** What telemetry offers the call path: synchronous, allocation-light, never awaited, and never thrown from. */
import type { CallEnd, CallStart } from '../record/call-record.ts'
import type { ReportingPart } from './report-faults.ts'

export interface CallObserver {
  /** Counted for every HTTP request, `/metrics` and health included. */
  requestBegan(): void
  requestEnded(): void
  /**
   * Called once a call, when it is settled: metrics of the call and of each of its attempts, and one log line. They come
   * as soon as what runs in the event loop has ended.
   */
  callSettled(start: CallStart, end: CallEnd): void
  /** Told when something else failed to take up a call that is booked: its client must not wait for that. */
  reportFailed(part: ReportingPart, error: unknown): void
}
