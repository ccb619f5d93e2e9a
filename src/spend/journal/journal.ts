/**
 * The journal of one process: an append-only log in segment files under a directory of its own. All records of one
 * turn of the event loop are written with one system call; then their owners are told. The disk is reached later, in
 * groups, in the background.
 *
 * A journal that cannot be written (disk full, size limit) never stops a call: its records are told that they stand
 * in no segment, and the failure is logged once and counted.
 */
import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { tryLockDirectory, type DirectoryLock } from '../../storage/directory-lock.ts'
import type { Logger } from '../../telemetry/logs/logger.ts'
import { maxLineBytes, writeLine, type LineKind } from './line.ts'
import { SegmentFile } from './segment-file.ts'
import { Segment, segmentFiles } from './segment.ts'

export type LedgerLog = Pick<Logger, 'info' | 'warn' | 'error'>

export interface JournalOptions {
  /** Directory of all journals; this one gets a directory of its own in it. */
  readonly directory: string
  /** A segment is closed when it is at least this large. Default 16 MB. */
  readonly segmentBytes?: number
  /** All segments together; beyond it nothing is written until calls have been booked. Default 2 GB. */
  readonly maxBytes?: number
  /** Longest time that a record may be in the operating system's hands only. Default 50 ms. */
  readonly syncIntervalMs?: number
  readonly log: LedgerLog
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** Whoever appends a record. */
export interface JournalRecord {
  /** Called when the write is done; `segment` is undefined when it failed. */
  onWritten(kind: LineKind, segment: Segment | undefined): void
}

const MEGABYTE = 1024 * 1024
const BUFFER_BYTES = 256 * 1024
const LARGEST_KEPT_BUFFER_BYTES = 8 * MEGABYTE
const RETRY_AFTER_MS = 1000

export class Journal {
  /** Name of this process's directory. */
  readonly instance: string
  readonly directory: string
  readonly #options: Required<JournalOptions>
  readonly #lock: DirectoryLock
  readonly #segments = new Set<Segment>()
  readonly #flush = this.flush.bind(this)
  readonly #sync = this.#syncNow.bind(this)
  #file: SegmentFile | undefined
  #nextNumber = 1
  #bytes = 0
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #length = 0
  #records: JournalRecord[] = []
  #kinds: LineKind[] = []
  #scheduled = false
  #syncTimer: NodeJS.Timeout | undefined
  /** Syncs, closes and deletions, one after the other. */
  #background: Promise<void> = Promise.resolve()
  #failing: 'full' | 'broken' | undefined
  #retryAtMs = 0
  #writeFailures = 0
  #unjournaled = 0

  private constructor(options: Required<JournalOptions>, instance: string, lock: DirectoryLock) {
    this.#options = options
    this.#lock = lock
    this.instance = instance
    this.directory = join(options.directory, instance)
  }

  /** @throws when the directory cannot be written. */
  static open(options: JournalOptions): Journal {
    const instance = `${options.clock().toString(36).replace('.', '')}-${process.pid}-${randomBytes(4).toString('hex')}`
    const lock = tryLockDirectory(join(options.directory, instance))
    if (lock === undefined) throw new Error(`the journal directory ${instance} is in use`)
    const defaults = { segmentBytes: 16 * MEGABYTE, maxBytes: 2048 * MEGABYTE, syncIntervalMs: 50 }
    return new Journal({ ...defaults, ...options }, instance, lock)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Memory for the lines of a turn. */
  get heldBytes(): number {
    return this.#buffer.length
  }

  get segments(): ReadonlySet<Segment> {
    return this.#segments
  }

  /** Writes that failed. */
  get writeFailures(): number {
    return this.#writeFailures
  }

  /** Records that stand in no segment. */
  get unjournaled(): number {
    return this.#unjournaled
  }

  /** Adds a record to this turn's write. */
  append(kind: LineKind, row: string, record: JournalRecord): void {
    this.#makeRoom(maxLineBytes(row))
    this.#length = writeLine(this.#buffer, this.#length, kind, row)
    this.#records.push(record)
    this.#kinds.push(kind)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#flush)
  }

  /** Writes what this turn has brought so far, and tells the records. */
  flush(): void {
    this.#scheduled = false
    if (this.#length === 0) return
    const records = this.#records
    const kinds = this.#kinds
    const segment = this.#write(this.#length)
    this.#records = []
    this.#kinds = []
    this.#length = 0
    if (this.#buffer.length > LARGEST_KEPT_BUFFER_BYTES) this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
    if (segment === undefined) this.#unjournaled += records.length
    for (let index = 0; index < records.length; index += 1) {
      records[index]?.onWritten(kinds[index] ?? 'E', segment)
    }
  }

  /** Closes the newest segment; the next record begins another. */
  rotate(): void {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    file.segment.closed = true
    this.#inBackground(async () => {
      try {
        await file.sync()
      } finally {
        await file.close()
      }
    })
  }

  /** Deletes the segments that no call needs any more. Their calls' ends are on the disk before that. */
  deleteFinished(): void {
    const finished = [...this.#segments].filter((segment) => segment.finished)
    if (finished.length === 0) return
    for (const segment of finished) {
      this.#segments.delete(segment)
      this.#bytes -= segment.bytes
    }
    // A start may be gone only when the end that replaces it, in a newer segment, is safe.
    this.#inBackground(async () => await this.#file?.sync())
    this.#inBackground(async () => {
      for (const segment of finished) await unlink(segment.path)
    })
  }

  /** Ends the journal; its directory goes when every call in it has been booked. */
  async close(): Promise<void> {
    this.flush()
    clearTimeout(this.#syncTimer)
    this.rotate()
    this.deleteFinished()
    await this.#background
    if (this.#segments.size === 0) removeJournal(this.directory, this.#lock)
    else this.#lock.release()
  }

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }

  #write(length: number): Segment | undefined {
    if (this.#bytes + length > this.#options.maxBytes) return this.#refuseFull()
    if (this.#failing === 'broken' && this.#options.clock() < this.#retryAtMs) return undefined
    try {
      const file = (this.#file ??= this.#openSegment())
      file.write(this.#buffer, length)
      this.#bytes += length
      if (this.#failing !== undefined) this.#recovered()
      if (file.segment.bytes >= this.#options.segmentBytes) this.rotate()
      else this.#scheduleSync()
      return file.segment
    } catch (error) {
      this.#failed(error)
      return undefined
    }
  }

  #openSegment(): SegmentFile {
    const segment = new Segment(this.directory, this.#nextNumber)
    this.#nextNumber += 1
    const file = new SegmentFile(segment)
    this.#segments.add(segment)
    return file
  }

  #refuseFull(): undefined {
    if (this.#failing === 'full') return
    this.#failing = 'full'
    this.#options.log.error(
      'The journal has reached its size limit: calls go on, but those not yet in the database would be lost in a ' +
        'crash. Check that the database is reachable.',
      { journal_bytes: this.#bytes, max_bytes: this.#options.maxBytes },
    )
  }

  #failed(error: unknown): void {
    this.#writeFailures += 1
    this.#retryAtMs = this.#options.clock() + RETRY_AFTER_MS
    // What was written of the last record stays behind as a torn line, so nothing may follow it.
    const file = this.#file
    if (file !== undefined) {
      this.#bytes = [...this.#segments].reduce((sum, segment) => sum + segment.bytes, 0)
      this.rotate()
    }
    if (this.#failing === 'broken') return
    this.#failing = 'broken'
    this.#options.log.error(
      'The journal cannot be written: calls go on, but those not yet in the database would be lost in a crash.',
      { directory: this.directory, err: error },
    )
  }

  #recovered(): void {
    this.#failing = undefined
    this.#options.log.info('The journal is written again.', { unjournaled_records: this.#unjournaled })
  }

  #scheduleSync(): void {
    if (this.#syncTimer !== undefined) return
    this.#syncTimer = setTimeout(this.#sync, this.#options.syncIntervalMs).unref()
  }

  #syncNow(): void {
    this.#inBackground(async () => {
      this.#syncTimer = undefined
      await this.#file?.sync()
    })
  }

  #inBackground(step: () => Promise<void> | undefined): void {
    this.#background = this.#background.then(step).catch((error: unknown) => {
      this.#options.log.error('The journal could not be brought to the disk.', { err: error })
    })
  }
}

/** Removes a journal: its segments under the lock, so that nobody adopts half of it, then the directory. */
export function removeJournal(directory: string, lock: DirectoryLock): void {
  for (const name of segmentFiles(readdirSync(directory))) rmSync(join(directory, name), { force: true })
  lock.release()
  try {
    rmSync(directory, { recursive: true, force: true })
  } catch {
    // Another process has just looked into it: it removes the empty directory itself.
  }
}
