/** Standard output as a place for log lines: never blocks the event loop, and outlives a reader that goes away. */
import { pino } from 'pino'
import type { LogDestination } from './line-buffer.ts'

/** Lines waiting for a reader that has stopped reading are dropped beyond this size. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024

const LINE_FEED = 10

type Stream = ReturnType<typeof pino.destination>

export class StandardOutput implements LogDestination {
  readonly #stream: Stream
  #droppedLines = 0
  #waitingBytes = 0
  #isBroken = false

  constructor() {
    this.#stream = pino.destination({
      fd: 1,
      sync: false,
      maxLength: MAX_WAITING_BYTES,
      contentMode: 'buffer',
    })
    // A log that cannot be written has no place to say so: the gateway goes on without it. pino itself turns the
    // stream off when the pipe is closed.
    this.#stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') this.#isBroken = true
    })
    this.#stream.on('write', (bytes: number) => (this.#waitingBytes -= bytes))
    this.#stream.on('drop', (lines: Buffer) => {
      this.#waitingBytes -= lines.length
      for (let end = lines.indexOf(LINE_FEED); end >= 0; end = lines.indexOf(LINE_FEED, end + 1))
        this.#droppedLines += 1
    })
  }

  get droppedLines(): number {
    return this.#droppedLines
  }

  /** Nothing waits for a reader that is gone. */
  get waitingBytes(): number {
    return this.#isBroken ? 0 : this.#waitingBytes
  }

  write(text: string): void {
    this.writeBytes(Buffer.from(text))
  }

  writeBytes(lines: Buffer): void {
    this.#waitingBytes += lines.length
    // In this mode it takes bytes. Its types know of text only.
    this.#stream.write(lines as unknown as string)
  }

  flush(done: (error?: Error | null) => void): void {
    this.#stream.flush(done)
  }

  flushSync(): void {
    this.#stream.flushSync()
  }
}
