/**
 * Collects lines and hands them on in one piece a turn of the event loop, or as soon as 64 KB are there: a write to
 * the operating system costs more than making the line.
 */

export interface LogDestination {
  /** Takes text that consists of whole lines. Must not throw and must not wait. */
  write(text: string): unknown
  /** Writes what is still held back, before the process ends. */
  flushSync?(): void
}

const FULL_LENGTH = 64 * 1024

export class LineBuffer {
  readonly #destination: LogDestination
  #text = ''
  #scheduled = false

  constructor(destination: LogDestination) {
    this.#destination = destination
  }

  /** @param line ends in a line feed. */
  write(line: string): void {
    this.#text += line
    if (this.#text.length >= FULL_LENGTH) this.handOn()
    else if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(this.#onTurn)
    }
  }

  handOn(): void {
    const text = this.#text
    if (text === '') return
    this.#text = ''
    this.#destination.write(text)
  }

  /** Hands everything on and waits until the destination has written it, as far as it can. */
  flushSync(): void {
    this.handOn()
    try {
      this.#destination.flushSync?.()
    } catch {
      // A destination that is closed has nobody left to tell.
    }
  }

  readonly #onTurn = (): void => {
    this.#scheduled = false
    this.handOn()
  }
}
