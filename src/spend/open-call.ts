/** A call between its start and its booking, as the ledger holds it. */
import type { CallStart } from '../record/call-record.ts'
import { SettledCall, type BookingQueue } from './booking-queue.ts'
import type { CallBodies } from './call-content.ts'
import type { Journal, JournalRecord, LedgerLog } from './journal/journal.ts'
import type { LineKind } from './journal/line.ts'
import type { Segment } from './journal/segment.ts'
import type { JournalWaiter } from './ledger.ts'

/** Where the calls of a ledger go. */
export interface CallPath {
  readonly journal: Journal
  readonly queue: BookingQueue
  readonly log: LedgerLog
}

export class OpenCall implements JournalRecord {
  readonly callStart: CallStart
  /** What both rows of the call begin with. */
  readonly startOfRow: string
  waiter: JournalWaiter
  readonly #path: CallPath
  #startRow = ''
  #endRow = ''
  #bodies: CallBodies | undefined
  #startSegment: Segment | undefined

  constructor(callStart: CallStart, startOfRow: string, waiter: JournalWaiter, path: CallPath) {
    this.callStart = callStart
    this.startOfRow = startOfRow
    this.waiter = waiter
    this.#path = path
  }

  /** The segment that cannot go as long as this call has no end. */
  get startSegment(): Segment | undefined {
    return this.#startSegment
  }

  start(row: string): void {
    this.#startRow = row
    this.#path.journal.append('S', row, this)
  }

  /** @param bodies go into the database with the row, and not into the journal. */
  settle(row: string, bodies: CallBodies | undefined): void {
    this.#endRow = row
    this.#bodies = bodies
    this.#path.journal.append('E', row, this)
  }

  /** Writes the start once more, so that its old segment may go. */
  carryForward(): void {
    this.#path.journal.append('S', this.#startRow, new CarriedStart(this))
  }

  onWritten(kind: LineKind, segment: Segment | undefined): void {
    if (kind === 'S') this.startWritten(segment)
    else this.#endWritten(segment)
    try {
      if (kind === 'S') this.waiter.onStartJournaled()
      else this.waiter.onEndJournaled()
    } catch (error) {
      // The other calls of this turn have to be told all the same.
      this.#path.log.error('A call failed after it was journaled.', { err: error })
    }
  }

  /** The newer record of a start replaces the older. */
  startWritten(segment: Segment | undefined): void {
    if (segment === undefined) return
    segment.pins += 1
    this.#releaseStart()
    this.#startSegment = segment
  }

  /**
   * An end that stands in the journal makes the start superfluous; one that does not leaves the start standing. The
   * queue gets what it needs and not this object, which holds the whole call.
   */
  #endWritten(endSegment: Segment | undefined): void {
    if (endSegment !== undefined) this.#releaseStart()
    this.#path.queue.add(new SettledCall(this.#endRow, this.#bodies, endSegment, this.#startSegment))
  }

  #releaseStart(): void {
    if (this.#startSegment !== undefined) this.#startSegment.pins -= 1
    this.#startSegment = undefined
  }
}

/** A start that is written again, of which the call need not hear. */
class CarriedStart implements JournalRecord {
  readonly #call: OpenCall

  constructor(call: OpenCall) {
    this.#call = call
  }

  onWritten(_kind: LineKind, segment: Segment | undefined): void {
    this.#call.startWritten(segment)
  }
}
