/**
 * Collects lines and hands them on in one piece, a few times a second or as soon as 64 KB are there: a write to the
 * operating system costs ten times as much as making the line.
 */

export interface LogDestination {
  /** Takes text that consists of whole lines. Must not throw and must not wait. */
  write(text: string): unknown
  /** Takes whole lines as bytes, which are its own from then on. Without it they are given as text. */
  writeBytes?(lines: Buffer): void
  /** Calls back when all text taken so far is written, or has failed. */
  flush?(done: (error?: Error | null) => void): void
  /** Writes what is still held back, before the process ends. */
  flushSync?(): void
  /** Lines that were given up because the destination did not take them. */
  readonly droppedLines?: number
  /** Taken and not written yet. */
  readonly waitingBytes?: number
}

const FULL_LENGTH = 64 * 1024

/** Room for the line that makes it full; a longer one is handed on by itself. */
const BUFFER_BYTES = 2 * FULL_LENGTH

/** Longest time that a line waits for others. */
const LONGEST_WAIT_MS = 50

export class LineBuffer {
  readonly #destination: LogDestination
  /**
   * Bytes, not text: a waiting text keeps alive all the pieces that it was joined of, and the garbage collector would
   * copy them about until the line is handed on.
   */
  readonly #bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #length = 0
  #scheduled = false

  constructor(destination: LogDestination) {
    this.#destination = destination
  }

  get droppedLines(): number {
    return this.#destination.droppedLines ?? 0
  }

  /** Memory of the lines that are not written yet, and room for the next ones. */
  get heldBytes(): number {
    return BUFFER_BYTES + (this.#destination.waitingBytes ?? 0)
  }

  /** @param line ends in a line feed. */
  write(line: string): void {
    // No character takes more than three bytes for each of its units.
    if (this.#length + line.length * 3 > BUFFER_BYTES) {
      this.#handOn()
      if (line.length * 3 > BUFFER_BYTES) return void this.#destination.write(line)
    }
    this.#length += this.#bytes.write(line, this.#length)
    if (this.#length >= FULL_LENGTH) {
      this.#handOn()
    } else if (!this.#scheduled) {
      this.#scheduled = true
      setTimeout(this.#onTimer, LONGEST_WAIT_MS)
    }
  }

  /** @param lines whole lines, made elsewhere. They go out in their order with those that are written here. */
  writeBytes(lines: Buffer): void {
    if (this.#length > 0) this.#handOn()
    this.#give(lines)
  }

  /** Hands everything on; resolves when it is written, or after `timeoutMs` when nobody reads. */
  flush(timeoutMs: number): Promise<void> {
    this.#handOn()
    return new Promise((resolve) => {
      if (this.#destination.flush === undefined) return resolve()
      const timer = setTimeout(resolve, timeoutMs)
      this.#destination.flush(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Hands everything on and waits until the destination has written it, as far as it can. */
  flushSync(): void {
    this.#handOn()
    try {
      this.#destination.flushSync?.()
    } catch {
      // A destination that is closed has nobody left to tell.
    }
  }

  #handOn(): void {
    if (this.#length === 0) return
    // `copyBytesFrom` copies twice.
    const lines = Buffer.allocUnsafeSlow(this.#length)
    this.#bytes.copy(lines, 0, 0, this.#length)
    this.#length = 0
    this.#give(lines)
  }

  #give(lines: Buffer): void {
    if (this.#destination.writeBytes === undefined) this.#destination.write(lines.toString())
    else this.#destination.writeBytes(lines)
  }

  readonly #onTimer = (): void => {
    this.#scheduled = false
    this.#handOn()
  }
}
