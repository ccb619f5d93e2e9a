/** What telemetry offers the call path: synchronous, allocation-light, and never awaited. */
import type { CallEnd, CallStart } from '../record/call-record.ts'

export interface CallObserver {
  /** Counted for every HTTP request, `/metrics` and health included. */
  requestBegan(): void
  requestEnded(): void
  /** Called once a call, when it is settled: metrics of the call and of each of its attempts, and one log line. */
  callSettled(start: CallStart, end: CallEnd): void
}
