/** Cuts bytes that arrive in pieces into lines, holding one line at a time. */

export class LineTooLongError extends Error {
  readonly line: number

  constructor(line: number, maxBytes: number) {
    super(`line ${line} is longer than ${maxBytes} bytes`)
    this.line = line
  }
}

const LINE_FEED = 0x0a

/**
 * Each line with its line feed; the last may have none.
 * @throws LineTooLongError
 */
export async function* linesOf(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let heldBytes = 0
  let line = 1
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      const rest = chunk.subarray(start, end + 1)
      if (heldBytes + rest.length > maxBytes) throw new LineTooLongError(line, maxBytes)
      yield held.length === 0 ? rest : Buffer.concat([...held, rest])
      held = []
      heldBytes = 0
      start = end + 1
      line += 1
    }
    if (start < chunk.length) {
      held.push(chunk.subarray(start))
      heldBytes += chunk.length - start
      if (heldBytes > maxBytes) throw new LineTooLongError(line, maxBytes)
    }
  }
  if (heldBytes > 0) yield Buffer.concat(held)
}
