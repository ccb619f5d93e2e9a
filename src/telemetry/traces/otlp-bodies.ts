/** The messages of one signal as calls are written into them: protobuf by our own writer, JSON by the SDK's. */
import type { ISerializer } from '@opentelemetry/otlp-transformer'
import type { ProtobufEnvelope } from './protobuf-envelope.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

export interface OtlpBodies<Sink> {
  /** Where the next call is written. */
  readonly sink: Sink
  /** To be told after each call: a message that is large enough is ended. */
  callWritten(): void
  /** All messages. */
  finish(): readonly Uint8Array[]
}

/** A message is ended beyond this: a receiver of gRPC takes four megabytes. */
const MESSAGE_BYTES = 262_144

/** Spans or records of a message by JSON: they are written in one go, in a millisecond or less. */
const MESSAGE_ITEMS = 100

const FIRST_BYTES = 16_384

export class ProtobufBodies<Sink> implements OtlpBodies<Sink> {
  readonly sink: Sink
  readonly #writer = new ProtobufWriter(FIRST_BYTES)
  readonly #envelope: ProtobufEnvelope
  readonly #bodies: Buffer[] = []

  constructor(envelope: ProtobufEnvelope, sinkOf: (writer: ProtobufWriter) => Sink) {
    this.#envelope = envelope
    this.sink = sinkOf(this.#writer)
  }

  callWritten(): void {
    if (this.#writer.length >= MESSAGE_BYTES) this.#end()
  }

  finish(): readonly Uint8Array[] {
    if (this.#writer.length > 0) this.#end()
    return this.#bodies
  }

  #end(): void {
    this.#bodies.push(this.#envelope.around(this.#writer.written()))
    this.#writer.rewind(0)
  }
}

/** A sink that holds what is written into it until it is taken. */
interface SdkSink<Item> {
  readonly length: number
  take(): Item[]
}

export class JsonBodies<Item, Sink extends SdkSink<Item>> implements OtlpBodies<Sink> {
  readonly sink: Sink
  readonly #serializer: Pick<ISerializer<Item[], unknown>, 'serializeRequest'>
  readonly #bodies: Uint8Array[] = []

  constructor(sink: Sink, serializer: Pick<ISerializer<Item[], unknown>, 'serializeRequest'>) {
    this.sink = sink
    this.#serializer = serializer
  }

  callWritten(): void {
    if (this.sink.length >= MESSAGE_ITEMS) this.#end()
  }

  finish(): readonly Uint8Array[] {
    if (this.sink.length > 0) this.#end()
    return this.#bodies
  }

  #end(): void {
    const body = this.#serializer.serializeRequest(this.sink.take())
    if (body !== undefined) this.#bodies.push(body)
  }
}
