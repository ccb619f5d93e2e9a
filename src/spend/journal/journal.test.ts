import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Journal, type JournalOptions, type JournalRecord } from './journal.ts'
import { readLines, type LineKind } from './line.ts'
import { segmentFiles, type Segment } from './segment.ts'

let directory: string
let journal: Journal
let nowMs: number
const log = { info: vi.fn<() => void>(), warn: vi.fn<() => void>(), error: vi.fn<() => void>() }

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-journal-'))
  nowMs = 1_700_000_000_000
  vi.clearAllMocks()
})

afterEach(async () => {
  await journal.close()
  rmSync(directory, { recursive: true, force: true })
})

function open(change: Partial<JournalOptions> = {}): void {
  journal = Journal.open({ directory, log, clock: () => nowMs, ...change })
}

class Record implements JournalRecord {
  readonly told: (readonly [LineKind, Segment | undefined])[] = []
  onWritten(kind: LineKind, segment: Segment | undefined): void {
    this.told.push([kind, segment])
  }
}

function rowsOnDisk(): string[] {
  return segmentFiles(readdirSync(journal.directory)).flatMap((name) =>
    [...readLines(readFileSync(join(journal.directory, name)), () => {})].map((line) => line.row),
  )
}

test('all records of a turn of the event loop are written at once, and told after it', async () => {
  open()
  const record = new Record()
  for (let index = 0; index < 100; index += 1) journal.append('S', `{"call_id":"${index}"}`, record)
  expect(record.told).toEqual([])
  await nextTurn()
  expect(record.told).toHaveLength(100)
  expect(new Set(record.told.map(([, segment]) => segment)).size).toBe(1)
  expect(rowsOnDisk()).toEqual(Array.from({ length: 100 }, (_, index) => `{"call_id":"${index}"}`))
})

test('a record appended while others are told waits for the next write', async () => {
  open()
  const second = new Record()
  const first: JournalRecord = { onWritten: () => journal.append('E', '{"call_id":"b"}', second) }
  journal.append('S', '{"call_id":"a"}', first)
  await nextTurn()
  expect(rowsOnDisk()).toEqual(['{"call_id":"a"}'])
  await nextTurn()
  expect(second.told).toHaveLength(1)
  expect(rowsOnDisk()).toEqual(['{"call_id":"a"}', '{"call_id":"b"}'])
})

test('records larger than the buffer are written whole', async () => {
  open()
  const rows = [
    `{"text":"${'ü'.repeat(400_000)}"}`,
    '{"text":"small"}',
    `{"text":"${'x'.repeat(9_000_000)}"}`,
  ]
  const record = new Record()
  for (const row of rows) journal.append('E', row, record)
  await nextTurn()
  expect(rowsOnDisk()).toEqual(rows)
  expect(record.told).toHaveLength(3)
})

test('a segment is closed at its size and deleted when no call needs it', async () => {
  open({ segmentBytes: 1000 })
  const record = new Record()
  const row = `{"text":"${'x'.repeat(600)}"}`
  for (let index = 0; index < 4; index += 1) {
    journal.append('E', row, record)
    journal.flush()
  }
  const segments = [...journal.segments]
  expect(segments.map((segment) => segment.closed)).toEqual([true, true])
  const [first, second] = segments
  if (first === undefined || second === undefined) throw new Error('no segments')
  first.pins = 1
  second.pins = 1
  journal.deleteFinished()
  expect(readdirSync(journal.directory)).toContain('000001.log')
  second.pins = 0
  const before = journal.bytes
  journal.deleteFinished()
  expect(journal.bytes).toBe(before - second.bytes)
  await journal.close()
  expect(segmentFiles(readdirSync(journal.directory))).toEqual(['000001.log'])
  first.pins = 0
  open()
})

test('a journal without open calls leaves nothing behind when it is closed', async () => {
  open()
  journal.append('E', '{}', new Record())
  await journal.close()
  expect(existsSync(journal.directory)).toBe(false)
  open()
})

test('at its size limit it writes nothing, says so once, and goes on when there is room', async () => {
  open({ segmentBytes: 500, maxBytes: 1000 })
  const record = new Record()
  const row = `{"text":"${'x'.repeat(400)}"}`
  for (let index = 0; index < 5; index += 1) {
    journal.append('E', row, record)
    journal.flush()
  }
  expect(record.told.map(([, segment]) => segment !== undefined)).toEqual([true, true, false, false, false])
  expect(journal.unjournaled).toBe(3)
  expect(log.error).toHaveBeenCalledTimes(1)
  journal.rotate()
  journal.deleteFinished()
  journal.append('E', row, record)
  journal.flush()
  expect(record.told.at(-1)?.[1]).toBeDefined()
  expect(log.info).toHaveBeenCalledTimes(1)
})

test('a write that fails leaves calls running, is logged once, and is tried again later in a new file', async () => {
  open({ segmentBytes: 10 })
  const record = new Record()
  journal.append('E', '{"call_id":"a"}', record)
  journal.flush()
  // The next segment's file cannot be made: its name is taken.
  writeFileSync(join(journal.directory, '000002.log'), '')
  for (const id of ['b', 'c']) {
    journal.append('E', `{"call_id":"${id}"}`, record)
    journal.flush()
  }
  expect(record.told.map(([, segment]) => segment?.number)).toEqual([1, undefined, undefined])
  expect(journal.writeFailures).toBe(1)
  expect(log.error).toHaveBeenCalledTimes(1)
  nowMs += 1000
  journal.append('E', '{"call_id":"d"}', record)
  journal.flush()
  expect(record.told.at(-1)?.[1]?.number).toBe(3)
  expect(rowsOnDisk()).toEqual(['{"call_id":"a"}', '{"call_id":"d"}'])
})

test('the journal is for its owner only', () => {
  open()
  journal.append('E', '{}', new Record())
  journal.flush()
  const [segment] = journal.segments
  if (segment === undefined) throw new Error('no segment')
  expect(statSync(segment.path).mode & 0o077).toBe(0)
})
