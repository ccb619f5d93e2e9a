/**
 * Takes over the journals of processes that died: what they had settled is booked, and a call that had begun and
 * never ended is booked with its estimate, as interrupted.
 */
import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { tryLockDirectory } from '../storage/directory-lock.ts'
import { positionsOfBookedCalls, type CallKey } from '../storage/queries/book-calls.ts'
import type { Booker } from './booker.ts'
import { batchesOf } from './booking-queue.ts'
import { removeJournal, type LedgerLog } from './journal/journal.ts'
import { readLines } from './journal/line.ts'
import { segmentFiles } from './journal/segment.ts'

export interface AdoptionOptions {
  /** Directory of all journals. */
  readonly directory: string
  /** The living process's own journal. */
  readonly ownInstance: string
  readonly booker: Booker
  readonly log: LedgerLog
}

export interface Adopted {
  readonly journals: number
  /** Calls booked that were not in the database. */
  readonly recovered: number
  /** Those of them that had no end. */
  readonly interrupted: number
  /** Lines that were torn by the crash. */
  readonly torn: number
}

const KEY_BATCH = 500
const NEWBORN_MS = 60_000

const callKey = z.object({ call_id: z.string(), started_ms: z.number() })

/**
 * Books and removes every journal whose process is gone. Safe to call again, and by several processes at once.
 *
 * @throws when the booker has been stopped; the journals are then left for the next time.
 */
export async function adoptJournals(options: AdoptionOptions): Promise<Adopted> {
  const sum = { journals: 0, recovered: 0, interrupted: 0, torn: 0 }
  await mkdir(options.directory, { recursive: true })
  for (const entry of await readdir(options.directory, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === options.ownInstance) continue
    const adopted = await adoptJournal(options, join(options.directory, entry.name))
    if (adopted === undefined) continue
    sum.journals += 1
    sum.recovered += adopted.recovered
    sum.interrupted += adopted.interrupted
    sum.torn += adopted.torn
  }
  if (sum.journals > 0)
    options.log.warn('Took over the journal of a process that did not end by itself.', { ...sum })
  return sum
}

async function adoptJournal(
  options: AdoptionOptions,
  directory: string,
): Promise<Omit<Adopted, 'journals'> | undefined> {
  if (await isBeingMade(directory)) return undefined
  const lock = tryLockDirectory(directory)
  if (lock === undefined) return undefined
  try {
    const replay = new Replay(options)
    for (const name of segmentFiles(await readdir(directory))) {
      await replay.bookSegment(await readFile(join(directory, name)))
    }
    await replay.bookUnended()
    removeJournal(directory, lock)
    return replay
  } catch (error) {
    lock.release()
    throw error
  }
}

/** A process that starts makes its directory first and locks it then: in between it must be left alone. */
async function isBeingMade(directory: string): Promise<boolean> {
  try {
    if (segmentFiles(await readdir(directory)).length > 0) return false
    return Date.now() - (await stat(directory)).mtimeMs < NEWBORN_MS
  } catch {
    // Gone meanwhile: another process has adopted it.
    return true
  }
}

/** Goes through one journal, a segment at a time; keeps only the starts whose end has not come yet. */
class Replay {
  readonly #options: AdoptionOptions
  readonly #unended = new Map<string, string>()
  recovered = 0
  interrupted = 0
  torn = 0

  constructor(options: AdoptionOptions) {
    this.#options = options
  }

  async bookSegment(bytes: Buffer): Promise<void> {
    for (const rows of batchesOf(this.#endRows(bytes))) await this.#book(rows)
  }

  /** A start may have lost its end to a segment that was booked and deleted: such a call is in the database. */
  async bookUnended(): Promise<void> {
    const rows = [...this.#unended.values()]
    for (let offset = 0; offset < rows.length; offset += KEY_BATCH) {
      const batch = rows.slice(offset, offset + KEY_BATCH)
      const known = await this.#options.booker.persist(
        async (database) => await positionsOfBookedCalls(database, batch.map(keyOf)),
      )
      await this.#book(batch.filter((_row, position) => !known.has(position)))
    }
  }

  *#endRows(bytes: Buffer): Generator<string> {
    for (const { kind, row } of readLines(bytes, () => (this.torn += 1))) {
      const { callId, startedAtMs } = keyOf(row)
      const key = `${startedAtMs} ${callId}`
      if (kind === 'S') {
        this.#unended.set(key, row)
      } else {
        this.#unended.delete(key)
        yield row
      }
    }
  }

  async #book(rows: readonly string[]): Promise<void> {
    const { booked, interrupted } = await this.#options.booker.book(rows)
    this.recovered += booked
    this.interrupted += interrupted
  }
}

function keyOf(row: string): CallKey {
  const { call_id, started_ms } = callKey.parse(JSON.parse(row))
  return { callId: call_id, startedAtMs: started_ms }
}
