/**
 * A body as text of one character a byte, so that offsets in the text are offsets in the body: no byte of a multi-byte
 * character looks like a character of JSON's grammar. Of a large body only a part is text at a time: texts of
 * megabytes have V8 collect all memory again and again, which costs more than everything else that is done with the body.
 */

/** Bytes that are made into text at once: of a long string without quotes the rest is never text. */
export const WINDOW_BYTES = 16_384

const QUOTE = 0x22
const BACKSLASH = 0x5c

export class BodyText {
  readonly bytes: Buffer
  readonly length: number
  /** The bytes from `#from` on. */
  #window: string
  #from = 0

  constructor(body: Buffer) {
    this.bytes = body
    this.length = body.length
    this.#window = body.toString('latin1', 0, Math.min(body.length, WINDOW_BYTES))
  }

  /** Up to `end`, which is not part of it. */
  slice(start: number, end: number): string {
    const from = this.#from
    if (start >= from && end <= from + this.#window.length)
      return this.#window.slice(start - from, end - from)
    return this.bytes.toString('latin1', start, end)
  }

  /** @returns the offset of the quote that ends the string which begins at `start`; -1 when none does. */
  closingQuote(start: number): number {
    const from = this.#from
    const found = start >= from ? this.#window.indexOf('"', start + 1 - from) : -1
    // Most strings hold no quote, and lie in the window.
    if (found !== -1 && this.bytes[from + found - 1] !== BACKSLASH) return from + found
    return this.#closingQuoteFrom(start + 1, start)
  }

  #closingQuoteFrom(first: number, start: number): number {
    const { bytes } = this
    let at = first
    for (;;) {
      const from = this.#from
      const window = this.#window
      let found = at >= from ? window.indexOf('"', at - from) : -1
      while (found !== -1) {
        const quote = from + found
        if (bytes[quote - 1] !== BACKSLASH || !this.#isEscaped(quote, start)) return quote
        found = window.indexOf('"', found + 1)
      }
      const quote = this.#quoteFrom(at < from ? at : Math.max(at, from + window.length))
      if (quote === -1) return -1
      at = quote
    }
  }

  /** Whether an odd number of backslashes stands before `quote`, counted no further back than `start`. */
  #isEscaped(quote: number, start: number): boolean {
    let at = quote - 1
    while (at > start && this.bytes[at] === BACKSLASH) at -= 1
    return (quote - at) % 2 === 0
  }

  /**
   * The window moves to the next quote: where there is one, others are near, and a text is searched at a third of what
   * it costs in bytes. What holds none is passed over in one step.
   */
  #quoteFrom(start: number): number {
    const found = start < this.length ? this.bytes.indexOf(QUOTE, start) : -1
    if (found !== -1) {
      this.#from = found
      this.#window = this.bytes.toString('latin1', found, Math.min(this.length, found + WINDOW_BYTES))
    }
    return found
  }
}
