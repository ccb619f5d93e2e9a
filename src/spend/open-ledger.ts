/** The ledger: journal first, database soon after, every call once. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { CallEnd, CallStart, DeploymentFacts } from '../record/call-record.ts'
import { nowMs } from '../record/clock.ts'
import type { Database } from '../storage/database.ts'
import { createPartitions, dropPartitionsBefore, type DropObserver } from '../storage/partitions.ts'
import type { ServiceObserver } from '../telemetry/service-observer.ts'
import { adoptJournals } from './adopt-journals.ts'
import { Booker } from './booker.ts'
import { BookingQueue, type QueueLimits } from './booking-queue.ts'
import { MAX_KEPT_TEXT_LENGTH, type ContentLimits } from './call-content.ts'
import { interruptedRow, settledRow, startText } from './call-row.ts'
import { Journal, type LedgerLog } from './journal/journal.ts'
import type { JournalWaiter, Ledger, StartEstimate } from './ledger.ts'
import { OpenCalls } from './open-calls.ts'
import { OpenCall, type CallPath } from './open-call.ts'
import { WaitingContents } from './waiting-contents.ts'

/** What may change while the ledger is open. */
export interface LedgerSettings extends ContentLimits {
  /** `proxy_batch_write_at`. Default 1 s. */
  readonly flushIntervalMs: number
  /** Calls are counted in totals and roll-ups, and not logged. */
  readonly disableSpendLogs: boolean
  /** Age at which a day of the call log is dropped; undefined keeps everything. */
  readonly retentionMs: number | undefined
}

export interface LedgerOptions {
  readonly database: Database
  /** The journals stand in its directory `journal`. */
  readonly dataDir: string
  readonly log: LedgerLog
  readonly settings?: Partial<LedgerSettings>
  /** See `JournalOptions`. */
  readonly journal?: {
    readonly segmentBytes?: number
    readonly maxBytes?: number
    readonly syncIntervalMs?: number
  }
  readonly queue?: Partial<QueueLimits>
  /** Bodies waiting to be kept; beyond it they are given up. Default 64 MB. */
  readonly maxContentBytes?: number
  /** How often partitions are made and dropped and orphaned journals are looked for. Default 1 minute. */
  readonly maintenanceIntervalMs?: number
  /** Told how long each batch of settled calls took to the database. */
  readonly bookingObserver?: ServiceObserver | undefined
  /** How long the first try to book a batch may be without an answer. Default 10 s. */
  readonly bookingAnswerMs?: number
  /** Told what is dropped of the call log. */
  readonly retentionObserver?: RetentionObserver | undefined
  /** Epoch milliseconds. */
  readonly clock?: () => number
}

export interface RetentionObserver extends DropObserver {
  /** Once a look for rows that are past their retention. */
  ran(outcome: 'success' | 'failure'): void
}

/** For gauges and counters; counts are since the start of the process. */
export interface LedgerStats {
  readonly journalBytes: number
  readonly journalSegments: number
  readonly journalWriteFailures: number
  /** Records that could not be journaled: a crash would have lost them. */
  readonly unjournaledRecords: number
  /** Calls settled and not in the database yet. */
  readonly queuedCalls: number
  /** Of these, the ones to be read back from the journal. */
  readonly spilledCalls: number
  readonly bookedCalls: number
  readonly rejectedCalls: number
  readonly lostCalls: number
  /** Booked from the journals of processes that died. */
  readonly recoveredCalls: number
  readonly interruptedCalls: number
  readonly bookingFailures: number
  /** Calls whose prompt and answer were to be kept and were given up. */
  readonly droppedContents: number
}

/** Memory that the ledger knows to hold, in bytes. */
export interface LedgerMemory {
  readonly journal: number
  readonly openCalls: number
  readonly queue: number
  /** Prompts and answers that are to be kept. */
  readonly contents: number
}

export interface OpenLedger extends Ledger {
  readonly stats: LedgerStats
  readonly memory: LedgerMemory
  /** Calls that were sent to a provider and have not ended. */
  openCalls(): IterableIterator<CallStart>
  /** Puts changed settings in force. */
  configure(settings: Partial<LedgerSettings>): void
  /** Makes and drops partitions, and takes over orphaned journals; done by itself every minute. */
  maintain(): Promise<void>
}

const DEFAULTS: LedgerSettings = {
  flushIntervalMs: 1000,
  disableSpendLogs: false,
  retentionMs: undefined,
  maxTextLength: MAX_KEPT_TEXT_LENGTH,
  redact: (text) => text,
}

const MAX_QUEUED_LENGTH = 64 * 1024 * 1024
const MAX_UNJOURNALED_LENGTH = 256 * 1024 * 1024
const MAX_CONTENT_BYTES = 64 * 1024 * 1024
const MAINTENANCE_INTERVAL_MS = 60_000

const STOP_GRACE_MS = 1000

/** What a call under way takes with its two connections, without its bodies: measured with streams. */
const OPEN_CALL_BYTES = 16_000

/** With so few segments the journal is small, whatever holds on to them. */
const SEGMENTS_LEFT_ALONE = 4

const LOG_TABLES = ['sluice_call_log', 'sluice_call_content'] as const
const ID_TABLES = ['sluice_booked_call'] as const

/** So long the ids of calls that were not logged are kept, to know them again in a journal that comes late. */
const ID_RETENTION_MS = 30 * 86_400_000

/**
 * Opens the ledger. Journals that dead processes left behind are booked in the background, as soon as the database
 * answers; calls need not wait for that.
 *
 * @throws when the data directory cannot be written.
 */
export async function openLedger(options: LedgerOptions): Promise<OpenLedger> {
  const ledger = new JournalingLedger(options)
  ledger.begin()
  return ledger
}

class JournalingLedger implements OpenLedger {
  readonly #options: LedgerOptions
  readonly #clock: () => number
  readonly #directory: string
  readonly #journal: Journal
  readonly #booker: Booker
  readonly #contents: WaitingContents
  readonly #queue: BookingQueue
  readonly #path: CallPath
  readonly #open = new OpenCalls()
  #settings: LedgerSettings
  #timer: NodeJS.Timeout | undefined
  #maintenance: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #recovered = 0
  #interrupted = 0

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#clock = options.clock ?? nowMs
    this.#directory = join(options.dataDir, 'journal')
    this.#settings = { ...DEFAULTS, ...options.settings }
    const { log, database } = options
    this.#journal = Journal.open({ ...options.journal, directory: this.#directory, log, clock: this.#clock })
    this.#booker = new Booker({
      database,
      log,
      rejectedFile: join(this.#directory, 'rejected.log'),
      observer: options.bookingObserver,
      answerMs: options.bookingAnswerMs,
    })
    const limits = { maxQueuedLength: MAX_QUEUED_LENGTH, maxUnjournaledLength: MAX_UNJOURNALED_LENGTH }
    this.#contents = new WaitingContents(options.maxContentBytes ?? MAX_CONTENT_BYTES, this.#settings)
    this.#queue = new BookingQueue(
      this.#booker,
      this.#journal,
      this.#contents,
      { ...limits, ...options.queue },
      this.#settings.flushIntervalMs,
    )
    this.#path = { journal: this.#journal, queue: this.#queue, log }
  }

  begin(): void {
    this.#timer = setInterval(
      () => void this.maintain(),
      this.#options.maintenanceIntervalMs ?? MAINTENANCE_INTERVAL_MS,
    )
    this.#timer.unref()
    void this.maintain()
  }

  get stats(): LedgerStats {
    return {
      journalBytes: this.#journal.bytes,
      journalSegments: this.#journal.segments.size,
      journalWriteFailures: this.#journal.writeFailures,
      unjournaledRecords: this.#journal.unjournaled,
      queuedCalls: this.#queue.size,
      spilledCalls: this.#queue.spilled,
      bookedCalls: this.#queue.booked,
      rejectedCalls: this.#booker.rejected,
      lostCalls: this.#queue.lost,
      recoveredCalls: this.#recovered,
      interruptedCalls: this.#interrupted,
      bookingFailures: this.#booker.failures,
      droppedContents: this.#contents.dropped,
    }
  }

  get memory(): LedgerMemory {
    return {
      journal: this.#journal.heldBytes,
      openCalls: this.#open.size * OPEN_CALL_BYTES,
      queue: this.#queue.heldBytes,
      contents: this.#contents.heldBytes,
    }
  }

  *openCalls(): Generator<CallStart> {
    for (const call of this.#open.values()) yield call.callStart
  }

  configure(settings: Partial<LedgerSettings>): void {
    this.#settings = { ...this.#settings, ...settings }
    this.#queue.intervalMs = this.#settings.flushIntervalMs
    this.#contents.limits = this.#settings
  }

  start(start: CallStart, deployment: DeploymentFacts, estimate: StartEstimate, waiter: JournalWaiter): void {
    const call = this.#callOf(start, waiter)
    this.#open.add(start, call)
    call.start(interruptedRow(call.startOfRow, start, deployment, estimate))
  }

  settle(start: CallStart, end: CallEnd, waiter: JournalWaiter): void {
    const call = this.#callOf(start, waiter)
    this.#open.remove(start)
    call.settle(settledRow(call.startOfRow, start, end), this.#contents.take(end))
  }

  async maintain(): Promise<void> {
    this.#carryStartsForward()
    this.#maintenance ??= this.#maintainOnce().finally(() => {
      this.#maintenance = undefined
    })
    await this.#maintenance
  }

  async flush(): Promise<void> {
    this.#journal.flush()
    await this.#maintenance
    await this.#queue.drain()
  }

  async close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#closeOnce(timeoutMs)
    await this.#closing
  }

  async #closeOnce(timeoutMs: number): Promise<void> {
    clearInterval(this.#timer)
    const timeout = new AbortController()
    const inTime = this.flush().catch(() => {})
    await Promise.race([inTime, delay(timeoutMs, undefined, { signal: timeout.signal }).catch(() => {})])
    timeout.abort()
    this.#queue.stop()
    this.#booker.stop()
    // A statement that hangs must not hold up the end of the process.
    await Promise.race([this.#maintenance, delay(STOP_GRACE_MS, undefined, { ref: false })])
    await this.#journal.close()
  }

  #callOf(start: CallStart, waiter: JournalWaiter): OpenCall {
    const open = this.#open.find(start)
    if (open === undefined) {
      return new OpenCall(start, startText(start, !this.#settings.disableSpendLogs), waiter, this.#path)
    }
    open.waiter = waiter
    return open
  }

  /**
   * A stream of an hour would hold on to the segment of its start for that hour, and each segment has such a stream:
   * when the journal grows by that, the starts of its old segments are written again.
   */
  #carryStartsForward(): void {
    if (this.#journal.segments.size <= SEGMENTS_LEFT_ALONE) return
    const calls = Map.groupBy(this.#open.values(), (call) => call.startSegment)
    for (const segment of this.#journal.segments) {
      const starts = calls.get(segment)
      if (starts === undefined || !segment.closed || segment.pins !== starts.length || segment.spilled > 0)
        continue
      for (const call of starts) call.carryForward()
    }
    this.#journal.flush()
    this.#journal.deleteFinished()
  }

  /** Never fails: what could not be done now is done a minute later. */
  async #maintainOnce(): Promise<void> {
    try {
      const { database, log } = this.#options
      const directory = this.#directory
      const ownInstance = this.#journal.instance
      await this.#booker.persist(async () => await createPartitions(database, this.#clock()))
      const adopted = await adoptJournals({ directory, ownInstance, booker: this.#booker, log })
      this.#recovered += adopted.recovered
      this.#interrupted += adopted.interrupted
      await this.#dropOldPartitions()
    } catch (error) {
      if (!this.#booker.stopped) this.#options.log.error('The ledger could not be tidied up.', { err: error })
    }
  }

  async #dropLog(beforeMs: number): Promise<readonly string[]> {
    const { database, retentionObserver } = this.#options
    try {
      const dropped = await dropPartitionsBefore(database, LOG_TABLES, beforeMs, retentionObserver)
      retentionObserver?.ran('success')
      return dropped
    } catch (error) {
      retentionObserver?.ran('failure')
      throw error
    }
  }

  async #dropOldPartitions(): Promise<void> {
    const { database, log } = this.#options
    const { retentionMs } = this.#settings
    const nowMs = this.#clock()
    const dropped = await dropPartitionsBefore(database, ID_TABLES, nowMs - ID_RETENTION_MS)
    if (retentionMs !== undefined) {
      dropped.push(...(await this.#dropLog(nowMs - retentionMs)))
    }
    if (dropped.length > 0)
      log.info('Dropped days of the call log that are past their retention.', { dropped })
  }
}
