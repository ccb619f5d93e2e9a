/** Takes the framing out of a body that comes in chunks (RFC 9112, section 7.1), within the buffer it was read into. */
import { badAnswer } from './upstream-error.ts'

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const SEMICOLON = 59
const DELETE = 127

/** What is expected next. */
const SIZE = 0
const EXTENSION = 1
const SIZE_LF = 2
const DATA = 3
const DATA_CR = 4
const DATA_LF = 5
const TRAILER_START = 6
const TRAILER = 7
const TRAILER_LF = 8
const LAST_LF = 9
const DONE = 10

/** More than any answer has, and far from where numbers lose their exactness. */
const MAX_CHUNK_BYTES = 2 ** 40

/** Bytes of one chunk's size with its extensions, and of all trailers together. */
const MAX_FRAMING_BYTES = 65_536

export class ChunkedBody {
  #expected = SIZE
  #size = 0
  #left = 0
  #framingBytes = 0
  /** Where the payload of the last `push` lies, all in one piece. */
  start = 0
  end = 0

  /** A new body begins. */
  begin(): void {
    this.#expected = SIZE
    this.#size = 0
    this.#framingBytes = 0
  }

  /** True when the last byte of the body has come. */
  get done(): boolean {
    return this.#expected === DONE
  }

  /**
   * Reads on. Payloads that have framing between them are moved together: the bytes of the buffer change.
   *
   * @returns the position after what belongs to the body.
   * @throws UpstreamError `BAD_ANSWER`.
   */
  push(bytes: Buffer, from: number, to: number): number {
    this.start = from
    this.end = from
    let at = from
    while (at < to && this.#expected !== DONE) {
      if (this.#expected === DATA) at = this.#takeData(bytes, at, to)
      else {
        this.#takeFraming(bytes[at] ?? 0)
        at += 1
      }
    }
    return at
  }

  #takeData(bytes: Buffer, at: number, to: number): number {
    const taken = Math.min(this.#left, to - at)
    if (this.start === this.end) {
      this.start = at
      this.end = at + taken
    } else {
      bytes.copyWithin(this.end, at, at + taken)
      this.end += taken
    }
    this.#left -= taken
    if (this.#left === 0) this.#expected = DATA_CR
    return at + taken
  }

  #takeFraming(byte: number): void {
    switch (this.#expected) {
      case SIZE:
        return this.#takeSize(byte)
      case EXTENSION:
      case TRAILER:
        this.#count()
        if (byte === CR) this.#expected = this.#expected === EXTENSION ? SIZE_LF : TRAILER_LF
        else if ((byte < SPACE && byte !== TAB) || byte === DELETE)
          throw badAnswer('a chunk’s framing holds a control character')
        return
      case SIZE_LF:
        return this.#endSize(byte)
      case DATA_CR:
        return this.#expect(byte, CR, DATA_LF)
      case DATA_LF:
        this.#size = 0
        this.#framingBytes = 0
        return this.#expect(byte, LF, SIZE)
      case TRAILER_START:
        this.#expected = byte === CR ? LAST_LF : TRAILER
        if (byte !== CR) this.#takeFraming(byte)
        return
      case TRAILER_LF:
        return this.#expect(byte, LF, TRAILER_START)
      default:
        return this.#expect(byte, LF, DONE)
    }
  }

  #takeSize(byte: number): void {
    this.#count()
    const digit = hexDigit(byte)
    if (digit >= 0) {
      this.#size = this.#size * 16 + digit
      if (this.#size > MAX_CHUNK_BYTES) throw badAnswer('a chunk is too large')
      return
    }
    if (this.#framingBytes === 1 || (byte !== CR && byte !== SEMICOLON))
      throw badAnswer('the size of a chunk is malformed')
    this.#expected = byte === CR ? SIZE_LF : EXTENSION
  }

  #endSize(byte: number): void {
    this.#left = this.#size
    this.#framingBytes = 0
    this.#expect(byte, LF, this.#size === 0 ? TRAILER_START : DATA)
  }

  #expect(byte: number, expected: number, next: number): void {
    if (byte !== expected) throw badAnswer('a chunk does not end with CR and LF')
    this.#expected = next
  }

  #count(): void {
    this.#framingBytes += 1
    if (this.#framingBytes > MAX_FRAMING_BYTES) throw badAnswer('a chunk has too much framing')
  }
}

/** -1 for a byte that is none. */
function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}
