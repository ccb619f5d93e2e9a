/**
 * Log records as OTLP's protobuf, written as they come:
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/logs/v1/logs.proto
 */
import { ProtobufAttributes, type SharedBytes } from './protobuf-attributes.ts'
import type { ProtobufWriter } from './protobuf-writer.ts'
import type { LogHead, LogSink } from './sinks.ts'

/** Fields of `ScopeLogs`, `LogRecord` and `AnyValue`, with their wire types. */
const SCOPE_RECORD = 0x12
const TIME = 0x09
const SEVERITY_NUMBER = 0x10
const SEVERITY_TEXT = 0x1a
const BODY = 0x2a
const ATTRIBUTE = 0x32
const FLAGS = 0x45
const TRACE_ID = 0x4a
const SPAN_ID = 0x52
const OBSERVED_TIME = 0x59
const EVENT_NAME = 0x62
const TEXT_VALUE = 0x0a

const SAMPLED = 1

export class ProtobufLogRecords extends ProtobufAttributes implements LogSink {
  #start = 0

  constructor(writer: ProtobufWriter, shared: SharedBytes) {
    super(writer, ATTRIBUTE, shared)
  }

  begin({ timeMs, severityNumber, severityText, body, eventName, trace }: LogHead): void {
    const { writer } = this
    this.#start = writer.begin(SCOPE_RECORD)
    writer.time(TIME, timeMs)
    writer.varint(SEVERITY_NUMBER, severityNumber)
    writer.text(SEVERITY_TEXT, severityText)
    const start = writer.begin(BODY)
    writer.text(TEXT_VALUE, body)
    writer.end(start)
    if (trace !== undefined) {
      if (trace.sampled) writer.fixed32(FLAGS, SAMPLED)
      writer.id(TRACE_ID, trace.traceId)
      writer.id(SPAN_ID, trace.spanId)
    }
    writer.time(OBSERVED_TIME, timeMs)
    writer.text(EVENT_NAME, eventName)
  }

  end(): void {
    this.writer.end(this.#start)
  }
}
