/**
 * Writes protobuf into one growing buffer: https://protobuf.dev/programming-guides/encoding/
 *
 * Tags are given whole, field number and wire type together, and take one byte: fields 1 to 15. Nothing is measured
 * beforehand: the length of a nested message is put in front of it when it is there.
 */

/** A text up to this length is copied by a loop, which is cheaper than a call out of JavaScript. */
const SHORT_TEXT = 48

/** Of a tag, a length and a number together: as much as may be written between two looks at the room that is left. */
const MOST_FIXED_BYTES = 32

const LOW_32_BITS = 2 ** 32
/** Whole numbers from here on are written as doubles. */
const MOST_WHOLE = 2 ** 63
const NEGATIVE_BYTES = 10

export class ProtobufWriter {
  #bytes: Buffer
  #view: DataView
  #at = 0

  constructor(firstBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(firstBytes)
    this.#view = viewOf(this.#bytes)
  }

  get length(): number {
    return this.#at
  }

  /** What is written, from a place on; it stays as it is only until more is written. */
  written(start = 0): Buffer {
    return this.#bytes.subarray(start, this.#at)
  }

  /** Takes back what was written since the place. */
  rewind(to: number): void {
    this.#at = to
  }

  /** Begins a nested message. @returns what `end` wants to know. */
  begin(tag: number): number {
    this.#reserve(MOST_FIXED_BYTES)
    this.#bytes[this.#at] = tag
    // Most nested messages have a length of two bytes.
    this.#at += 3
    return this.#at
  }

  /** Ends a nested message. @param start as `begin` returned it. */
  end(start: number): void {
    const length = this.#at - start
    const missing = varintBytes(length) - 2
    if (missing !== 0) {
      this.#reserve(MOST_FIXED_BYTES)
      this.#bytes.copyWithin(start + missing, start, this.#at)
    }
    this.#at = start - 2
    this.#varint(length)
    this.#at += length
  }

  /** @param value a whole number, from 0 to 2^53. */
  varint(tag: number, value: number): void {
    this.#reserve(MOST_FIXED_BYTES)
    this.#byte(tag)
    this.#varint(value)
  }

  fixed32(tag: number, value: number): void {
    this.#reserve(MOST_FIXED_BYTES)
    this.#byte(tag)
    this.#view.setUint32(this.#at, value, true)
    this.#at += 4
  }

  double(tag: number, value: number): void {
    this.#reserve(MOST_FIXED_BYTES)
    this.#byte(tag)
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
  }

  /** A time as nanoseconds, to the microsecond: finer is not measured. @param ms epoch milliseconds. */
  time(tag: number, ms: number): void {
    this.#reserve(MOST_FIXED_BYTES)
    this.#byte(tag)
    const microseconds = Math.round(ms * 1000)
    const low = (microseconds % LOW_32_BITS) * 1000
    const high = Math.floor(microseconds / LOW_32_BITS) * 1000 + Math.floor(low / LOW_32_BITS)
    this.#view.setUint32(this.#at, low % LOW_32_BITS, true)
    this.#view.setUint32(this.#at + 4, high, true)
    this.#at += 8
  }

  /** An id: its bytes. @param hex in lowercase, an even number of digits. */
  id(tag: number, hex: string): void {
    const length = hex.length >> 1
    this.#reserve(MOST_FIXED_BYTES + length)
    this.#byte(tag)
    this.#varint(length)
    const bytes = this.#bytes
    let at = this.#at
    for (let index = 0; index < hex.length; index += 2) {
      bytes[at] = (nibble(hex.charCodeAt(index)) << 4) | nibble(hex.charCodeAt(index + 1))
      at += 1
    }
    this.#at = at
  }

  text(tag: number, value: string): void {
    if (value.length <= SHORT_TEXT) {
      const start = this.#at
      this.#reserve(MOST_FIXED_BYTES + SHORT_TEXT)
      this.#byte(tag)
      this.#byte(value.length)
      if (this.#copiedAscii(value)) return
      this.#at = start
    }
    const length = Buffer.byteLength(value)
    this.#reserve(MOST_FIXED_BYTES + length)
    this.#byte(tag)
    this.#varint(length)
    this.#at += this.#bytes.write(value, this.#at, length)
  }

  /** An attribute of one text: `KeyValue { key, AnyValue { string_value } }`. @param key as `attributeKey` made it. */
  textAttribute(tag: number, key: Uint8Array, value: string): void {
    if (value.length <= SHORT_TEXT) {
      const start = this.#at
      this.#attribute(tag, key, value.length + 2)
      this.#byte(TEXT_VALUE)
      this.#byte(value.length)
      if (this.#copiedAscii(value)) return
      this.#at = start
    }
    const length = Buffer.byteLength(value)
    this.#attribute(tag, key, nestedBytes(length))
    this.#byte(TEXT_VALUE)
    this.#varint(length)
    this.#at += this.#bytes.write(value, this.#at, length)
  }

  flagAttribute(tag: number, key: Uint8Array, value: boolean): void {
    this.#attribute(tag, key, 2)
    this.#byte(FLAG_VALUE)
    this.#byte(value ? 1 : 0)
  }

  /** A whole number as such, any other as a double. */
  numberAttribute(tag: number, key: Uint8Array, value: number): void {
    if (!Number.isInteger(value) || value >= MOST_WHOLE || value < -MOST_WHOLE) {
      this.#attribute(tag, key, 9)
      this.double(REAL_VALUE, value)
    } else if (value >= 0) {
      this.#attribute(tag, key, 1 + varintBytes(value))
      this.#byte(WHOLE_VALUE)
      this.#varint(value)
    } else {
      this.#attribute(tag, key, 1 + NEGATIVE_BYTES)
      this.#byte(WHOLE_VALUE)
      this.#negative(value)
    }
  }

  textsAttribute(tag: number, key: Uint8Array, values: readonly string[]): void {
    let listBytes = 0
    for (const value of values) listBytes += nestedBytes(nestedBytes(Buffer.byteLength(value)))
    this.#attribute(tag, key, nestedBytes(listBytes))
    this.#byte(LIST_VALUE)
    this.#varint(listBytes)
    for (const value of values) {
      this.#reserve(MOST_FIXED_BYTES)
      this.#byte(LIST_ITEM)
      this.#varint(nestedBytes(Buffer.byteLength(value)))
      this.text(TEXT_VALUE, value)
    }
  }

  /** Bytes that are protobuf already. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#copy(bytes)
  }

  #attribute(tag: number, key: Uint8Array, valueBytes: number): void {
    this.#reserve(MOST_FIXED_BYTES + key.length + valueBytes)
    this.#byte(tag)
    this.#varint(key.length + nestedBytes(valueBytes))
    this.#copy(key)
    this.#byte(ATTRIBUTE_VALUE)
    this.#varint(valueBytes)
  }

  #byte(byte: number): void {
    this.#bytes[this.#at] = byte
    this.#at += 1
  }

  #varint(value: number): void {
    let rest = value
    for (; rest > 127; rest = rest < LOW_32_BITS ? rest >>> 7 : Math.floor(rest / 128))
      this.#byte((rest & 127) | 128)
    this.#byte(rest)
  }

  /** Two's complement in 64 bits. */
  #negative(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest > 127n; rest >>= 7n) this.#byte(Number(rest & 127n) | 128)
    this.#byte(Number(rest))
  }

  #copy(source: Uint8Array): void {
    const bytes = this.#bytes
    const at = this.#at
    if (source.length > SHORT_TEXT) bytes.set(source, at)
    else for (let index = 0; index < source.length; index += 1) bytes[at + index] = source[index] ?? 0
    this.#at = at + source.length
  }

  /** Copies a text for which there is room. @returns false when it is more than ASCII, and its length was a guess. */
  #copiedAscii(value: string): boolean {
    const bytes = this.#bytes
    const at = this.#at
    for (let index = 0; index < value.length; index += 1) {
      const code = value.charCodeAt(index)
      if (code > 127) return false
      bytes[at + index] = code
    }
    this.#at = at + value.length
    return true
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return
    const bytes = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + more))
    bytes.set(this.written())
    this.#bytes = bytes
    this.#view = viewOf(bytes)
  }
}

/** Fields of `AnyValue` and `KeyValue`, with their wire types. */
const TEXT_VALUE = 0x0a
const FLAG_VALUE = 0x10
const WHOLE_VALUE = 0x18
const REAL_VALUE = 0x21
const LIST_VALUE = 0x2a
const LIST_ITEM = 0x0a
const ATTRIBUTE_KEY = 0x0a
const ATTRIBUTE_VALUE = 0x12

/** The name of an attribute as it stands in its message. */
export function attributeKey(name: string): Uint8Array {
  const writer = new ProtobufWriter(2 * SHORT_TEXT)
  writer.text(ATTRIBUTE_KEY, name)
  return Uint8Array.from(writer.written())
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function varintBytes(value: number): number {
  if (value < 128) return 1
  let bytes = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes += 1
  return bytes
}

/** Of a tag, a length, and what has this length. */
function nestedBytes(length: number): number {
  return 1 + varintBytes(length) + length
}

/** Of a lowercase hex digit. */
function nibble(code: number): number {
  return code < 58 ? code - 48 : code - 87
}
