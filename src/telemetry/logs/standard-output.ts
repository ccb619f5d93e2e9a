/** Standard output as a place for log lines: never blocks the event loop, and outlives a reader that goes away. */
import { pino } from 'pino'
import type { LogDestination } from './line-buffer.ts'

/** Text waiting for a reader that has stopped reading is dropped beyond this length. */
const MAX_WAITING_LENGTH = 16 * 1024 * 1024

type Stream = ReturnType<typeof pino.destination>

export class StandardOutput implements LogDestination {
  readonly #stream: Stream
  #droppedLines = 0

  constructor() {
    this.#stream = pino.destination({ fd: 1, sync: false, maxLength: MAX_WAITING_LENGTH })
    // A log that cannot be written has no place to say so: the gateway goes on without it. pino itself turns the
    // stream off when the pipe is closed.
    this.#stream.on('error', () => {})
    this.#stream.on('drop', (text: string) => {
      this.#droppedLines += text.split('\n').length - 1
    })
  }

  get droppedLines(): number {
    return this.#droppedLines
  }

  write(text: string): void {
    this.#stream.write(text)
  }

  flush(done: (error?: Error | null) => void): void {
    this.#stream.flush(done)
  }

  flushSync(): void {
    this.#stream.flushSync()
  }
}
