/**
 * Settled calls on their way to the database. They wait in memory up to a limit; beyond it only their segment of the
 * journal remembers them, and they are read back from it when the queue has emptied.
 */
import { readFile } from 'node:fs/promises'
import type { Booker } from './booker.ts'
import type { CallBodies } from './call-content.ts'
import { rowWithContent } from './call-row.ts'
import type { Journal } from './journal/journal.ts'
import { readLines } from './journal/line.ts'
import type { Segment } from './journal/segment.ts'
import type { WaitingContents } from './waiting-contents.ts'

/** A call whose end has been journaled, or could not be. */
export class SettledCall {
  readonly row: string
  /** What is to be kept of its bodies, once it is booked. */
  readonly bodies: CallBodies | undefined
  /** Where its end stands; undefined when it stands nowhere. */
  readonly endSegment: Segment | undefined
  /** Where its start stands, when the end stands nowhere. */
  readonly startSegment: Segment | undefined

  constructor(
    row: string,
    bodies: CallBodies | undefined,
    endSegment: Segment | undefined,
    startSegment: Segment | undefined,
  ) {
    this.row = row
    this.bodies = bodies
    this.endSegment = endSegment
    this.startSegment = startSegment
  }
}

export interface QueueLimits {
  /** Rows waiting in memory, in characters. Default 64 MB. */
  readonly maxQueuedLength: number
  /** Rows that are in no journal are kept up to here; beyond it they are lost, and counted. Default 256 MB. */
  readonly maxUnjournaledLength: number
}

/** Waiting rows that begin a batch at once. */
const ENOUGH = 200
const BATCH_ROWS = 500
const BATCH_LENGTH = 8 * 1024 * 1024
/** What a waiting call takes beside its row. */
const CALL_BYTES = 100

export class BookingQueue {
  readonly #booker: Booker
  readonly #journal: Journal
  readonly #contents: WaitingContents
  readonly #limits: QueueLimits
  #waiting: SettledCall[] = []
  #length = 0
  #spilled = 0
  #lost = 0
  #booked = 0
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  /** Set while someone waits for the queue to be empty. */
  #urgent = false
  #stopped = false
  /** Longest time that a call waits for others before they are booked together. */
  intervalMs: number

  constructor(
    booker: Booker,
    journal: Journal,
    contents: WaitingContents,
    limits: QueueLimits,
    intervalMs: number,
  ) {
    this.#booker = booker
    this.#journal = journal
    this.#contents = contents
    this.#limits = limits
    this.intervalMs = intervalMs
  }

  /** Calls that are not in the database yet. */
  get size(): number {
    return this.#waiting.length + this.#spilled
  }

  /** Of these, the ones that only the journal remembers. */
  get spilled(): number {
    return this.#spilled
  }

  /** Memory of the calls that wait in it, as far as they are told by their rows; bodies are not in it. */
  get heldBytes(): number {
    return this.#length + this.#waiting.length * CALL_BYTES
  }

  get booked(): number {
    return this.#booked
  }

  /** Calls dropped because neither memory nor journal had room for them. */
  get lost(): number {
    return this.#lost
  }

  add(call: SettledCall): void {
    const length = this.#length + call.row.length
    if (length > this.#limits.maxQueuedLength && call.endSegment !== undefined) {
      call.endSegment.spilled += 1
      this.#spilled += 1
      if (call.bodies !== undefined) this.#contents.drop(call.bodies)
      return
    }
    if (length > this.#limits.maxUnjournaledLength) {
      this.#lost += 1
      if (call.bodies !== undefined) this.#contents.drop(call.bodies)
      return
    }
    if (call.endSegment !== undefined) call.endSegment.pins += 1
    this.#waiting.push(call)
    this.#length = length
    this.#schedule()
  }

  /** Resolves when everything added so far is in the database. @throws when the booker has been stopped. */
  async drain(): Promise<void> {
    this.#urgent = true
    try {
      while (this.size > 0 || this.#working !== undefined) {
        this.#begin()
        await this.#working
      }
    } finally {
      this.#urgent = false
    }
  }

  /** Begins no more batches by itself. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    if (this.#working !== undefined || this.#stopped) return
    if (this.#waiting.length >= ENOUGH) this.#begin()
    else this.#timer ??= setTimeout(() => this.#begin(), this.intervalMs).unref()
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#working !== undefined) return
    const working = this.#work().finally(() => {
      this.#working = undefined
      if (this.size > 0 && !this.#urgent) this.#schedule()
    })
    this.#working = working
    // A stopped booker ends the work; whoever drains learns of it, nobody else needs to.
    working.catch(() => {})
  }

  async #work(): Promise<void> {
    do {
      await this.#bookBatch()
    } while (this.#waiting.length >= ENOUGH || (this.#urgent && this.#waiting.length > 0))
    if (this.#waiting.length === 0) await this.#bookSpilled()
    if (!this.#stopped) this.#journal.deleteFinished()
  }

  async #bookBatch(): Promise<void> {
    const rows = await this.#rowsOfBatch()
    const { booked } = await this.#booker.book(rows)
    this.#booked += booked
    for (const call of this.#waiting.splice(0, rows.length)) {
      this.#length -= call.row.length
      if (call.bodies !== undefined) this.#contents.release(call.bodies)
      const segment = call.endSegment ?? call.startSegment
      if (segment !== undefined) segment.pins -= 1
    }
  }

  /** The rows of the calls that have waited longest, their contents made now. */
  async #rowsOfBatch(): Promise<string[]> {
    const rows: string[] = []
    let length = 0
    for (const { row, bodies } of this.#waiting) {
      if (rows.length >= BATCH_ROWS || length >= BATCH_LENGTH) break
      const content = bodies === undefined ? undefined : await this.#contents.read(bodies)
      const booked = content === undefined ? row : rowWithContent(row, content)
      rows.push(booked)
      length += booked.length
    }
    return rows
  }

  /** Reads back one segment at a time; a row of it that is in the database already changes nothing there. */
  async #bookSpilled(): Promise<void> {
    for (const segment of this.#journal.segments) {
      if (segment.spilled === 0) continue
      if (!segment.closed) this.#journal.rotate()
      const count = segment.spilled
      const bytes = await this.#booker.persist(async () => await readFile(segment.path))
      for (const rows of batchesOf(endRows(bytes))) {
        const { booked } = await this.#booker.book(rows)
        this.#booked += booked
      }
      segment.spilled -= count
      this.#spilled -= count
      this.#journal.deleteFinished()
    }
  }
}

function* endRows(bytes: Buffer): Generator<string> {
  for (const line of readLines(bytes, () => {})) if (line.kind === 'E') yield line.row
}

/** Cuts rows into lists that are small enough for one statement. */
export function* batchesOf(rows: Iterable<string>): Generator<string[]> {
  let batch: string[] = []
  let length = 0
  for (const row of rows) {
    if (batch.length >= BATCH_ROWS || (batch.length > 0 && length + row.length > BATCH_LENGTH)) {
      yield batch
      batch = []
      length = 0
    }
    batch.push(row)
    length += row.length
  }
  if (batch.length > 0) yield batch
}
