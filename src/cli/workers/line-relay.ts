/**
 * Passes on what workers print, in whole lines. Processes that wrote to one pipe themselves would tear each other's
 * lines apart as soon as its reader is slow.
 */
import type { Readable } from 'node:stream'

const LINE_FEED = 10

/** A line that is longer is passed on in parts. */
const LONGEST_LINE_BYTES = 8 * 1_048_576

/** @returns a promise that resolves when the source has ended and all of it is passed on. */
export function relayLines(source: Readable, write: (lines: Buffer) => void): Promise<void> {
  let pieces: Buffer[] = []
  let bytes = 0
  const passOn = (last: Buffer): void => {
    const lines = pieces.length === 0 ? last : Buffer.concat([...pieces, last])
    pieces = []
    bytes = 0
    if (lines.length > 0) write(lines)
  }
  source.on('data', (chunk: Buffer) => {
    const end = chunk.lastIndexOf(LINE_FEED) + 1
    if (end > 0) passOn(chunk.subarray(0, end))
    const rest = chunk.subarray(end)
    if (rest.length === 0) return
    pieces.push(rest)
    bytes += rest.length
    if (bytes > LONGEST_LINE_BYTES) passOn(Buffer.alloc(0))
  })
  return new Promise((resolve) => {
    source.once('close', () => {
      // Half a line of a process that was killed.
      if (bytes > 0) passOn(Buffer.from('\n'))
      resolve()
    })
  })
}
