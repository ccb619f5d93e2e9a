/** A journal as a process leaves it that was killed. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { CallStart } from '../../src/record/call-record.ts'
import { interruptedRow, settledRow, startText } from '../../src/spend/call-row.ts'
import { maxLineBytes, writeLine, type LineKind } from '../../src/spend/journal/line.ts'
import { callEnd, DEPLOYMENT, ESTIMATE } from './calls.ts'

/** Journals a start of each of `started` and an end of each of `ended`, and a torn line. */
export function writeOrphan(
  dataDir: string,
  started: readonly CallStart[],
  ended: readonly CallStart[],
): void {
  const directory = join(dataDir, 'journal', 'dead-process')
  mkdirSync(directory, { recursive: true })
  const file = join(directory, '000001.log')
  for (const start of started)
    append(file, 'S', interruptedRow(startText(start, true), start, DEPLOYMENT, ESTIMATE))
  for (const start of ended) append(file, 'E', settledRow(startText(start, true), start, callEnd(start)))
  appendFileSync(file, '0123abcd E {"call_id":"torn","sta')
}

function append(file: string, kind: LineKind, row: string): void {
  const buffer = Buffer.alloc(maxLineBytes(row))
  appendFileSync(file, buffer.subarray(0, writeLine(buffer, 0, kind, row)))
}
