/** The part of an OTLP message around its spans or log records: where they come from. It is alike for both. */
import { ProtobufAttributes, SharedBytes } from './protobuf-attributes.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

/** Fields with their wire types: `resource_spans`, `ResourceSpans`, `ScopeSpans`, `Resource`, `InstrumentationScope`. */
const RESOURCE_ITEMS = 0x0a
const RESOURCE = 0x0a
const SCOPE_ITEMS = 0x12
const SCOPE = 0x0a
const RESOURCE_ATTRIBUTE = 0x0a
const SCOPE_NAME = 0x0a
const SCOPE_VERSION = 0x12

const FIRST_BYTES = 1_024

export class ProtobufEnvelope {
  readonly #resource: Uint8Array
  readonly #scope: Uint8Array

  constructor(
    resource: Readonly<Record<string, string>>,
    scope: { readonly name: string; readonly version: string },
  ) {
    this.#resource = message(RESOURCE, (writer) => {
      const attributes = new ProtobufAttributes(writer, RESOURCE_ATTRIBUTE, new SharedBytes())
      for (const [name, value] of Object.entries(resource)) attributes.text(name, value)
    })
    this.#scope = message(SCOPE, (writer) => {
      writer.text(SCOPE_NAME, scope.name)
      if (scope.version !== '') writer.text(SCOPE_VERSION, scope.version)
    })
  }

  /** A whole message. @param items spans or records, each with its tag and length. */
  around(items: Uint8Array): Buffer {
    const inner = new ProtobufWriter(FIRST_BYTES)
    inner.raw(this.#resource)
    inner.varint(SCOPE_ITEMS, this.#scope.length + items.length)
    inner.raw(this.#scope)
    const outer = new ProtobufWriter(FIRST_BYTES)
    outer.varint(RESOURCE_ITEMS, inner.length + items.length)
    return Buffer.concat([outer.written(), inner.written(), items])
  }
}

function message(tag: number, write: (writer: ProtobufWriter) => void): Uint8Array {
  const writer = new ProtobufWriter(FIRST_BYTES)
  const start = writer.begin(tag)
  write(writer)
  writer.end(start)
  return Uint8Array.from(writer.written())
}
