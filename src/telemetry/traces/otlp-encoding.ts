/**
 * Settled calls as messages of OTLP. This file is what loads the OpenTelemetry SDK: it is imported when a configuration
 * exports something, and not before.
 */
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufMetricsSerializer,
} from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes, type Resource } from '@opentelemetry/resources'
import type { OutgoingRequest } from '../export/send-request.ts'
import type { SettledCall } from '../export/settled-call.ts'
import { CallLineWriter } from '../logs/call-line.ts'
import type { Redactor } from '../redaction.ts'
import { writeCallLog } from './call-log-records.ts'
import { writeCallSpans } from './call-spans.ts'
import { GenAiMetrics } from './gen-ai-metrics.ts'
import { GRPC_CONTENT_TYPE } from './grpc-send.ts'
import { readMessageTexts, type MessageTexts } from './message-texts.ts'
import type { OtlpProtocol, OtlpSettings, OtlpTarget, Signal } from './otel-environment.ts'
import { JsonBodies, ProtobufBodies, type OtlpBodies } from './otlp-bodies.ts'
import { readPartialSuccess } from './partial-success.ts'
import { SharedBytes } from './protobuf-attributes.ts'
import { ProtobufEnvelope } from './protobuf-envelope.ts'
import { ProtobufLogRecords } from './protobuf-log-records.ts'
import { ProtobufSpans } from './protobuf-spans.ts'
import { SdkLogRecords } from './sdk-log-records.ts'
import { SdkSpans } from './sdk-spans.ts'
import type { LogSink, SpanSink } from './sinks.ts'
import type { SpanWords } from './span-words.ts'

export interface OtlpEncodingSettings extends OtlpSettings {
  readonly version: string
  readonly words: SpanWords
  /** Prompts and answers stand in spans. */
  readonly contentInSpans: boolean
  /** Prompts and answers stand in log records. */
  readonly contentInLogs: boolean
  readonly redactor: Redactor
}

const CONTENT_TYPES: Readonly<Record<OtlpProtocol, string>> = {
  grpc: GRPC_CONTENT_TYPE,
  'http/protobuf': 'application/x-protobuf',
  'http/json': 'application/json',
}

const compressed = promisify(gzip)

/** Spans are so alike that more effort gains little. */
const GZIP = { level: constants.Z_BEST_SPEED }

/** The messages of a batch, while calls are written into them. */
export interface OtlpMessages {
  /** Writes spans and log record of a call, and adds its figures to the metrics. */
  write(call: SettledCall): void
  /** All messages; nothing can be written any more. */
  finish(): Promise<readonly OutgoingRequest[]>
}

export class OtlpEncoding {
  readonly #settings: OtlpEncodingSettings
  readonly #lines: CallLineWriter
  readonly #resource: Resource
  readonly #envelopes: Readonly<Record<'traces' | 'logs', ProtobufEnvelope>>
  readonly #shared: Readonly<Record<'traces' | 'logs', SharedBytes>>
  readonly #metrics: GenAiMetrics | undefined

  constructor(settings: OtlpEncodingSettings) {
    this.#settings = settings
    this.#lines = new CallLineWriter(settings.redactor)
    this.#resource = resourceFromAttributes(settings.resource)
    this.#envelopes = { traces: this.#envelope('traces'), logs: this.#envelope('logs') }
    this.#shared = { traces: new SharedBytes(), logs: new SharedBytes() }
    if (settings.metrics !== undefined)
      this.#metrics = new GenAiMetrics(this.#resource, settings.scopeNames.metrics, Date.now)
  }

  /** Begins the messages of a batch. */
  begin(): OtlpMessages {
    const { traces, logs } = this.#settings
    const spans = traces === undefined ? undefined : this.#spanBodies(traces)
    const records = logs === undefined ? undefined : this.#recordBodies(logs)
    return {
      write: (call) => this.#write(call, spans, records),
      finish: () => Promise.all([...requests('traces', traces, spans), ...requests('logs', logs, records)]),
    }
  }

  /** All figures so far. */
  async metricMessages(): Promise<readonly OutgoingRequest[]> {
    const { metrics: target } = this.#settings
    if (target === undefined || this.#metrics === undefined) return []
    const serializer = target.protocol === 'http/json' ? JsonMetricsSerializer : ProtobufMetricsSerializer
    const collected = this.#metrics.collect()
    if (collected.scopeMetrics.length === 0) return []
    const body = serializer.serializeRequest(collected)
    return body === undefined ? [] : [await request('metrics', target, body)]
  }

  #write(
    call: SettledCall,
    spans: OtlpBodies<SpanSink> | undefined,
    records: OtlpBodies<LogSink> | undefined,
  ): void {
    const { contentInSpans, contentInLogs, words } = this.#settings
    const { trace } = call.start
    const texts = this.#textsOf(call)
    if (spans !== undefined && trace?.sampled === true) {
      writeCallSpans(call, trace, words, spans.sink, contentInSpans ? texts : undefined)
      spans.callWritten()
    }
    if (records !== undefined) {
      writeCallLog(call, this.#lines, records.sink, contentInLogs ? texts : undefined)
      records.callWritten()
    }
    this.#metrics?.record(call)
  }

  #spanBodies({ protocol }: OtlpTarget): OtlpBodies<SpanSink> {
    return protocol === 'http/json'
      ? new JsonBodies(new SdkSpans(this.#origin('traces')), JsonTraceSerializer)
      : new ProtobufBodies(this.#envelopes.traces, (writer) => new ProtobufSpans(writer, this.#shared.traces))
  }

  #recordBodies({ protocol }: OtlpTarget): OtlpBodies<LogSink> {
    return protocol === 'http/json'
      ? new JsonBodies(new SdkLogRecords(this.#origin('logs')), JsonLogsSerializer)
      : new ProtobufBodies(
          this.#envelopes.logs,
          (writer) => new ProtobufLogRecords(writer, this.#shared.logs),
        )
  }

  #textsOf({ end: { content } }: SettledCall): MessageTexts | undefined {
    const { contentInSpans, contentInLogs, redactor } = this.#settings
    if (content === undefined || !(contentInSpans || contentInLogs)) return undefined
    return readMessageTexts(content, (text) => redactor.redact(text))
  }

  #envelope(signal: Signal): ProtobufEnvelope {
    return new ProtobufEnvelope(this.#settings.resource, this.#scope(signal))
  }

  #origin(signal: Signal) {
    return { resource: this.#resource, instrumentationScope: this.#scope(signal) }
  }

  #scope(signal: Signal) {
    const { scopeNames, version } = this.#settings
    return { name: scopeNames[signal], version }
  }
}

function requests(
  signal: Signal,
  target: OtlpTarget | undefined,
  bodies: OtlpBodies<unknown> | undefined,
): Promise<OutgoingRequest>[] {
  if (target === undefined || bodies === undefined) return []
  return bodies.finish().map((body) => request(signal, target, body))
}

async function request(signal: Signal, target: OtlpTarget, body: Uint8Array): Promise<OutgoingRequest> {
  const { url, protocol, gzip: isGzip } = target
  const bytes = isGzip
    ? await compressed(body, GZIP)
    : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const encoding = protocol === 'grpc' ? 'grpc-encoding' : 'content-encoding'
  const headers = {
    ...target.headers,
    'content-type': CONTENT_TYPES[protocol],
    ...(isGzip ? { [encoding]: 'gzip' } : {}),
  }
  const readAnswer: OutgoingRequest['readAnswer'] = (contentType, answer) =>
    readPartialSuccess(signal, contentType, answer)
  return { method: 'POST', url, headers, body: bytes, readAnswer }
}
