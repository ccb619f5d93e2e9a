/**
 * Spans as OTLP's protobuf, written as they come:
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
import { ProtobufAttributes, type SharedBytes } from './protobuf-attributes.ts'
import type { ProtobufWriter } from './protobuf-writer.ts'
import type { SpanHead, SpanSink } from './sinks.ts'

/** Fields of `ScopeSpans`, `Span`, `Event` and `Status`, with their wire types. */
const SCOPE_SPAN = 0x12
const TRACE_ID = 0x0a
const SPAN_ID = 0x12
const TRACE_STATE = 0x1a
const PARENT_SPAN_ID = 0x22
const NAME = 0x2a
const KIND = 0x30
const START = 0x39
const END = 0x41
const ATTRIBUTE = 0x4a
const EVENT = 0x5a
const STATUS = 0x7a
const EVENT_TIME = 0x09
const EVENT_NAME = 0x12
const EVENT_ATTRIBUTE = 0x1a
const STATUS_MESSAGE = 0x12
const STATUS_CODE = 0x18
const STATUS_CODE_ERROR = 2

/** Field 16, whose tag takes two bytes: what is said of the parent, and that the span is sampled. */
const FLAGS = [
  Uint8Array.of(0x85, 0x01, 0x01, 0x01, 0, 0),
  Uint8Array.of(0x85, 0x01, 0x01, 0x03, 0, 0),
] as const

export class ProtobufSpans extends ProtobufAttributes implements SpanSink {
  #start = 0
  #isParentRemote = false

  constructor(writer: ProtobufWriter, shared: SharedBytes) {
    super(writer, ATTRIBUTE, shared)
  }

  begin(head: SpanHead): void {
    const { writer } = this
    this.#start = writer.begin(SCOPE_SPAN)
    this.#isParentRemote = head.isParentRemote
    writer.id(TRACE_ID, head.traceId)
    writer.id(SPAN_ID, head.spanId)
    if (head.traceState !== undefined) writer.text(TRACE_STATE, head.traceState)
    if (head.parentSpanId !== undefined) writer.id(PARENT_SPAN_ID, head.parentSpanId)
    writer.text(NAME, head.name)
    writer.varint(KIND, head.kind)
    writer.time(START, head.startMs)
    // A clock that was set back between two readings must not give a span that ends before it begins.
    writer.time(END, Math.max(head.startMs, head.endMs))
  }

  event(name: string, timeMs: number): void {
    const { writer } = this
    const start = writer.begin(EVENT)
    writer.time(EVENT_TIME, timeMs)
    writer.text(EVENT_NAME, name)
    writer.end(start)
  }

  exception(timeMs: number, type: string, message: string): void {
    const { writer } = this
    const start = writer.begin(EVENT)
    writer.time(EVENT_TIME, timeMs)
    writer.text(EVENT_NAME, 'exception')
    writer.textAttribute(EVENT_ATTRIBUTE, this.key('exception.type'), type)
    writer.textAttribute(EVENT_ATTRIBUTE, this.key('exception.message'), message)
    writer.end(start)
  }

  end(error: string | undefined): void {
    const { writer } = this
    if (error !== undefined) {
      const start = writer.begin(STATUS)
      if (error !== '') writer.text(STATUS_MESSAGE, error)
      writer.varint(STATUS_CODE, STATUS_CODE_ERROR)
      writer.end(start)
    }
    writer.raw(FLAGS[this.#isParentRemote ? 1 : 0])
    writer.end(this.#start)
  }
}
