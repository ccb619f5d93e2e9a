/** Attributes as OTLP's protobuf. Names are encoded once, and so is what tells of objects that live long. */
import { attributeKey, type ProtobufWriter } from './protobuf-writer.ts'
import type { AttributeSink } from './sinks.ts'

/** Names beyond are encoded each time: those of messages have a number in them. */
const MOST_KEYS = 500

/** What is kept from one message to the next. */
export class SharedBytes {
  readonly #keys = new Map<string, Uint8Array>()
  readonly attributes = new WeakMap<object, Uint8Array>()

  key(name: string): Uint8Array {
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const key = attributeKey(name)
    if (this.#keys.size < MOST_KEYS) this.#keys.set(name, key)
    return key
  }
}

export class ProtobufAttributes implements AttributeSink {
  protected readonly writer: ProtobufWriter
  readonly #tag: number
  readonly #shared: SharedBytes

  /**
   * @param tag of the field that attributes are in the message.
   * @param shared of writers with the same tag.
   */
  constructor(writer: ProtobufWriter, tag: number, shared: SharedBytes) {
    this.writer = writer
    this.#tag = tag
    this.#shared = shared
  }

  text(name: string, value: string | undefined): void {
    if (value !== undefined) this.writer.textAttribute(this.#tag, this.key(name), value)
  }

  number(name: string, value: number | undefined): void {
    if (value !== undefined) this.writer.numberAttribute(this.#tag, this.key(name), value)
  }

  flag(name: string, value: boolean | undefined): void {
    if (value !== undefined) this.writer.flagAttribute(this.#tag, this.key(name), value)
  }

  texts(name: string, values: readonly string[] | undefined): void {
    if (values !== undefined) this.writer.textsAttribute(this.#tag, this.key(name), values)
  }

  shared<Of extends object>(of: Of, write: (sink: AttributeSink, of: Of) => void): void {
    const known = this.#shared.attributes.get(of)
    if (known !== undefined) {
      this.writer.raw(known)
      return
    }
    const start = this.writer.length
    write(this, of)
    this.#shared.attributes.set(of, Uint8Array.from(this.writer.written(start)))
  }

  protected key(name: string): Uint8Array {
    return this.#shared.key(name)
  }
}
