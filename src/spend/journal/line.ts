/**
 * The journal's lines: `<checksum> <kind> <row>` and a line feed. The checksum is the CRC-32 of everything after it,
 * as eight hex digits; the row is JSON and so holds no line feed. A line that was torn by a crash or a full disk
 * fails its checksum and is passed over.
 */
import { crc32 } from 'node:zlib'

/** `S`: a call is about to reach a provider. `E`: a call has ended. */
export type LineKind = 'S' | 'E'

export interface JournalLine {
  readonly kind: LineKind
  /** JSON text of the call's row. */
  readonly row: string
}

const CHECKSUM_LENGTH = 8
const HEADER_LENGTH = CHECKSUM_LENGTH + 3
const LINE_FEED = 10

/** Bytes that a line takes at most. */
export function maxLineBytes(row: string): number {
  return HEADER_LENGTH + row.length * 3 + 1
}

/**
 * Writes a line into a buffer that has room for `maxLineBytes`.
 *
 * @returns the offset after it.
 */
export function writeLine(buffer: Buffer, offset: number, kind: LineKind, row: string): number {
  const bodyStart = offset + CHECKSUM_LENGTH + 1
  buffer.write(kind === 'S' ? ' S ' : ' E ', offset + CHECKSUM_LENGTH, 'latin1')
  const end = bodyStart + 2 + buffer.write(row, bodyStart + 2, 'utf8')
  const checksum = crc32(buffer.subarray(bodyStart, end))
  buffer.write(checksum.toString(16).padStart(CHECKSUM_LENGTH, '0'), offset, 'latin1')
  buffer[end] = LINE_FEED
  return end + 1
}

/** Reads the lines of a segment; `onTorn` is called for each that fails its checksum. */
export function* readLines(segment: Buffer, onTorn: () => void): Generator<JournalLine> {
  let start = 0
  while (start < segment.length) {
    const found = segment.indexOf(LINE_FEED, start)
    const end = found === -1 ? segment.length : found
    const line = found === -1 ? undefined : parseLine(segment.subarray(start, end))
    if (line !== undefined) yield line
    else if (end > start) onTorn()
    start = end + 1
  }
}

function parseLine(line: Buffer): JournalLine | undefined {
  if (line.length < HEADER_LENGTH) return undefined
  const checksum = Number.parseInt(line.toString('latin1', 0, CHECKSUM_LENGTH), 16)
  if (crc32(line.subarray(CHECKSUM_LENGTH + 1)) !== checksum) return undefined
  const kind = line.toString('latin1', CHECKSUM_LENGTH + 1, CHECKSUM_LENGTH + 2)
  if (kind !== 'S' && kind !== 'E') return undefined
  return { kind, row: line.toString('utf8', HEADER_LENGTH) }
}
