/**
 * Settled calls as messages of OTLP, written by the encoders of the OpenTelemetry SDK. This file is what loads the
 * SDK: it is imported when a configuration exports something, and not before.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes, type Resource } from '@opentelemetry/resources'
import type { OutgoingRequest } from '../export/send-request.ts'
import type { SettledCall } from '../export/settled-call.ts'
import { CallLineWriter } from '../logs/call-line.ts'
import type { Redactor } from '../redaction.ts'
import { callLogRecord } from './call-log-records.ts'
import { callSpans } from './call-spans.ts'
import { GenAiMetrics } from './gen-ai-metrics.ts'
import { GRPC_CONTENT_TYPE } from './grpc-send.ts'
import { readMessageTexts, type MessageTexts } from './message-texts.ts'
import type { OtlpProtocol, OtlpSettings, OtlpTarget, Signal } from './otel-environment.ts'
import type { SpanOrigin } from './span.ts'
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

/** Calls that are written in one go: a millisecond or two. Other calls have their turn between two of these. */
const CALLS_IN_ONE_GO = 40

const CONTENT_TYPES: Readonly<Record<OtlpProtocol, string>> = {
  grpc: GRPC_CONTENT_TYPE,
  'http/protobuf': 'application/x-protobuf',
  'http/json': 'application/json',
}

const compressed = promisify(gzip)

export class OtlpEncoding {
  readonly #settings: OtlpEncodingSettings
  readonly #lines: CallLineWriter
  readonly #origins: Readonly<Record<'traces' | 'logs', SpanOrigin>>
  readonly #metrics: GenAiMetrics | undefined

  constructor(settings: OtlpEncodingSettings) {
    this.#settings = settings
    this.#lines = new CallLineWriter(settings.redactor)
    const resource = resourceFromAttributes(settings.resource)
    this.#origins = { traces: this.#origin(resource, 'traces'), logs: this.#origin(resource, 'logs') }
    if (settings.metrics !== undefined)
      this.#metrics = new GenAiMetrics(resource, settings.scopeNames.metrics)
  }

  /** The spans and log records of calls; their figures are added to the metrics. */
  async messages(calls: readonly SettledCall[]): Promise<readonly OutgoingRequest[]> {
    const messages: OutgoingRequest[] = []
    for (let start = 0; start < calls.length; start += CALLS_IN_ONE_GO) {
      if (start > 0) await nextTurn()
      for (const message of this.#encode(calls.slice(start, start + CALLS_IN_ONE_GO)))
        messages.push(await compressedAsAsked(message))
    }
    return messages
  }

  /** All figures so far. */
  async metricMessages(): Promise<readonly OutgoingRequest[]> {
    const { metrics: target } = this.#settings
    if (target === undefined || this.#metrics === undefined) return []
    const serializer = target.protocol === 'http/json' ? JsonMetricsSerializer : ProtobufMetricsSerializer
    const collected = await this.#metrics.collect()
    if (collected.scopeMetrics.length === 0) return []
    const body = serializer.serializeRequest(collected)
    return body === undefined ? [] : [await compressedAsAsked({ target, body })]
  }

  #encode(calls: readonly SettledCall[]): readonly Encoded[] {
    const { traces, logs, contentInSpans, contentInLogs, words } = this.#settings
    const spans = []
    const records = []
    for (const call of calls) {
      const { trace } = call.start
      const texts = this.#textsOf(call)
      if (traces !== undefined && trace?.sampled === true)
        spans.push(...callSpans(call, trace, words, this.#origins.traces, contentInSpans ? texts : undefined))
      if (logs !== undefined)
        records.push(callLogRecord(call, this.#lines, this.#origins.logs, contentInLogs ? texts : undefined))
      this.#metrics?.record(call)
    }
    const encoded: Encoded[] = []
    if (traces !== undefined && spans.length > 0) {
      const serializer = traces.protocol === 'http/json' ? JsonTraceSerializer : ProtobufTraceSerializer
      addEncoded(encoded, traces, serializer.serializeRequest(spans))
    }
    if (logs !== undefined && records.length > 0) {
      const serializer = logs.protocol === 'http/json' ? JsonLogsSerializer : ProtobufLogsSerializer
      addEncoded(encoded, logs, serializer.serializeRequest(records))
    }
    return encoded
  }

  #textsOf({ end: { content } }: SettledCall): MessageTexts | undefined {
    const { contentInSpans, contentInLogs, redactor } = this.#settings
    if (content === undefined || !(contentInSpans || contentInLogs)) return undefined
    return readMessageTexts(content, (text) => redactor.redact(text))
  }

  #origin(resource: Resource, signal: Signal): SpanOrigin {
    const { scopeNames, version } = this.#settings
    return { resource, instrumentationScope: { name: scopeNames[signal], version } }
  }
}

interface Encoded {
  readonly target: OtlpTarget
  readonly body: Uint8Array
}

function addEncoded(list: Encoded[], target: OtlpTarget, body: Uint8Array | undefined): void {
  if (body !== undefined) list.push({ target, body })
}

async function compressedAsAsked({ target, body }: Encoded): Promise<OutgoingRequest> {
  const { url, protocol, gzip: isGzip } = target
  const bytes = isGzip ? await compressed(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const encoding = protocol === 'grpc' ? 'grpc-encoding' : 'content-encoding'
  const headers = {
    ...target.headers,
    'content-type': CONTENT_TYPES[protocol],
    ...(isGzip ? { [encoding]: 'gzip' } : {}),
  }
  return { method: 'POST', url, headers, body: bytes }
}
