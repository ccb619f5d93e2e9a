/** The open file of the journal's newest segment: written at once, brought to the disk in the background. */
import { close, fdatasync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Segment } from './segment.ts'

const syncFile = promisify(fdatasync)
const closeFile = promisify(close)

export class SegmentFile {
  readonly segment: Segment
  readonly #descriptor: number

  /** @throws when the file cannot be made. */
  constructor(segment: Segment) {
    this.segment = segment
    this.#descriptor = openSync(segment.path, 'ax', 0o600)
  }

  /** Hands the bytes to the operating system. @throws when they cannot all be written. */
  write(buffer: Buffer, length: number): void {
    let written = 0
    while (written < length) {
      const count = writeSync(this.#descriptor, buffer, written, length - written)
      written += count
      this.segment.bytes += count
    }
  }

  /** Waits until everything written so far is on the disk. */
  async sync(): Promise<void> {
    await syncFile(this.#descriptor)
  }

  async close(): Promise<void> {
    await closeFile(this.#descriptor)
  }
}
