/** What a collector did not take of a message that it took: https://opentelemetry.io/docs/specs/otlp/#partial-success */
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer'
import type { Rejection } from '../export/send-request.ts'
import type { Signal } from './otel-environment.ts'

/** Names of the counts in JSON. */
const REJECTED: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
}

/** A collector's words are written into a log line. */
const MOST_REASON_LENGTH = 500

interface PartialSuccess {
  readonly rejected: unknown
  readonly reason: unknown
}

/** @returns undefined when all was taken, or the answer cannot be read: that the message arrived its status tells. */
export function readPartialSuccess(
  signal: Signal,
  contentType: string | undefined,
  body: Buffer,
): Rejection | undefined {
  try {
    const read = readForm(signal, contentType ?? '', body)
    const items = Number(read?.rejected ?? 0)
    const reason = typeof read?.reason === 'string' ? read.reason.slice(0, MOST_REASON_LENGTH) : ''
    const isCount = Number.isSafeInteger(items) && items > 0
    return isCount || reason !== '' ? { signal, items: isCount ? items : 0, reason } : undefined
  } catch {
    return undefined
  }
}

/** An answer of another type is that of something which is no collector. */
function readForm(signal: Signal, contentType: string, body: Buffer): PartialSuccess | undefined {
  if (contentType.includes('json')) return readJson(signal, body)
  return /protobuf|grpc/.test(contentType) ? readProtobuf(body) : undefined
}

/** The answers of the three signals differ in names only, which protobuf does not write. */
function readProtobuf(body: Buffer): PartialSuccess | undefined {
  const { partialSuccess } = ProtobufMetricsSerializer.deserializeResponse(body)
  return (
    partialSuccess && { rejected: partialSuccess.rejectedDataPoints, reason: partialSuccess.errorMessage }
  )
}

function readJson(signal: Signal, body: Buffer): PartialSuccess | undefined {
  const answer: unknown = JSON.parse(body.toString())
  const partial = memberOf(answer, 'partialSuccess')
  return { rejected: memberOf(partial, REJECTED[signal]), reason: memberOf(partial, 'errorMessage') }
}

function memberOf(value: unknown, name: string): unknown {
  return value instanceof Object ? Reflect.get(value, name) : undefined
}
