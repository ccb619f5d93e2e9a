/**
 * The journal of the relay that has a gateway's duties: what the calls of a turn of the event loop have brought is one
 * block with one checksum, written with one system call. It reaches the disk 20 times a second, in the background. A
 * file goes when every call in it stands in the database.
 */
import { closeSync, fdatasync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Form } from './forms.ts'

const SEGMENT_BYTES = 16 * 1024 * 1024
const SYNC_INTERVAL_MS = 50

/** Before a block: checksum and length, in eight hex digits each, a space between and a line feed behind. */
const HEAD_BYTES = 18
const DIGITS = Buffer.from('0123456789abcdef')
const SPACE = 32
const LINE_FEED = 10

/** A file, and the number of calls that have their only record in it. */
export class Segment {
  readonly descriptor: number
  readonly #path: string
  bytes = 0
  calls = 0
  isClosed = false

  constructor(path: string) {
    this.#path = path
    this.descriptor = openSync(path, 'ax', 0o600)
  }

  /** So many calls need it no longer. */
  release(calls: number): void {
    this.calls -= calls
    if (this.isClosed && this.calls === 0) unlinkSync(this.#path)
  }
}

export class Journal {
  /** The block of this turn. */
  buffer: Buffer = Buffer.allocUnsafeSlow(1024 * 1024)
  length = HEAD_BYTES
  readonly #directory: string
  readonly #sync = this.#bringToDisk.bind(this)
  #segment: Segment
  #segments = 1
  #isSyncPlanned = false

  constructor(directory: string) {
    this.#directory = directory
    this.#segment = new Segment(join(directory, '000001.log'))
  }

  /** Adds a record whose blanks are still empty. @returns where it begins in the buffer. */
  append({ bytes }: Form<string>): number {
    const at = this.length
    this.length += bytes.length
    if (this.length > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(2 * this.length)
      this.buffer.copy(larger, 0, 0, at)
      this.buffer = larger
    }
    bytes.copy(this.buffer, at)
    return at
  }

  /** Writes the block. @returns the file that holds it. @throws when it cannot be written. */
  write(): Segment {
    const { buffer, length } = this
    putHex(buffer, 8, crc32(buffer.subarray(HEAD_BYTES, length)))
    putHex(buffer, 17, length - HEAD_BYTES)
    buffer[8] = SPACE
    buffer[17] = LINE_FEED
    if (this.#segment.bytes > SEGMENT_BYTES) this.#rotate()
    const segment = this.#segment
    for (let written = 0; written < length;)
      written += writeSync(segment.descriptor, buffer, written, length - written)
    segment.bytes += length
    this.length = HEAD_BYTES
    if (!this.#isSyncPlanned) setTimeout(this.#sync, SYNC_INTERVAL_MS)
    this.#isSyncPlanned = true
    return segment
  }

  #rotate(): void {
    const old = this.#segment
    this.#segments += 1
    this.#segment = new Segment(join(this.#directory, `${String(this.#segments).padStart(6, '0')}.log`))
    fdatasync(old.descriptor, (error) => {
      if (error !== null) throw error
      closeSync(old.descriptor)
      old.isClosed = true
      old.release(0)
    })
  }

  #bringToDisk(): void {
    this.#isSyncPlanned = false
    fdatasync(this.#segment.descriptor, (error) => {
      if (error !== null) throw error
    })
  }
}

/** Eight digits that end before `end`. */
function putHex(buffer: Buffer, end: number, value: number): void {
  let left = value
  for (let at = end - 1; at >= end - 8; at -= 1) {
    buffer[at] = DIGITS[left & 15] ?? 0
    left >>>= 4
  }
}
