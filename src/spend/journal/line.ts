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
const SPACE = 32
const LINE_FEED = 10
/** The bytes of the hex digits. */
const DIGITS = Buffer.from('0123456789abcdef')

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
  buffer[bodyStart - 1] = SPACE
  buffer[bodyStart] = kind.charCodeAt(0)
  buffer[bodyStart + 1] = SPACE
  const end = bodyStart + 2 + buffer.write(row, bodyStart + 2, 'utf8')
  // A `Buffer` of the same bytes is dearer to make.
  const body = new Uint8Array(buffer.buffer, buffer.byteOffset + bodyStart, end - bodyStart)
  writeChecksum(buffer, offset, crc32(body))
  buffer[end] = LINE_FEED
  return end + 1
}

/** Digit by digit: as a text it costs as much as the checksum itself. */
function writeChecksum(buffer: Buffer, offset: number, checksum: number): void {
  let left = checksum
  for (let at = offset + CHECKSUM_LENGTH - 1; at >= offset; at -= 1) {
    buffer[at] = DIGITS[left & 15] ?? 0
    left >>>= 4
  }
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
