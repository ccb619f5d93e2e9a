/** A page of metrics that is written while it is read, and only once: a large one is never there as a whole. */
import { setImmediate as nextTurn } from 'node:timers/promises'

export class PageBody {
  /** In bytes, where the page is of one piece; what is longer is not written yet. */
  readonly length: number | undefined
  readonly #begin: readonly string[]
  readonly #rest: Iterator<string>

  /** @param pieces of which the first two are written at once. */
  constructor(pieces: Iterator<string>) {
    const begin: string[] = []
    for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
      begin.push(next.value)
      if (begin.length === 2) break
    }
    this.length = begin.length < 2 ? Buffer.byteLength(begin[0] ?? '') : undefined
    this.#begin = begin
    this.#rest = pieces
  }

  /** The event loop goes on between two pieces. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (const piece of this.#begin) yield Buffer.from(piece)
    for (let next = this.#rest.next(); next.done !== true; next = this.#rest.next()) {
      await nextTurn()
      yield Buffer.from(next.value)
    }
  }

  async text(): Promise<string> {
    let text = ''
    for await (const piece of this) text += piece.toString()
    return text
  }
}
