/** Answers of collectors that took a part of a message: https://opentelemetry.io/docs/specs/otlp/#partial-success */

export type Signal = 'traces' | 'metrics' | 'logs'

export interface Rejected {
  readonly items: number
  readonly reason: string
}

const NAMES: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
}

/** In the form that the content type names. */
export function partialSuccess(signal: Signal, rejected: Rejected, contentType: string | undefined): Buffer {
  return contentType === 'application/json' ? inJson(signal, rejected) : inProtobuf(rejected)
}

/** JSON has 64-bit numbers as text. */
function inJson(signal: Signal, { items, reason }: Rejected): Buffer {
  return Buffer.from(
    JSON.stringify({ partialSuccess: { [NAMES[signal]]: String(items), errorMessage: reason } }),
  )
}

function inProtobuf({ items, reason }: Rejected): Buffer {
  const text = Buffer.from(reason)
  const partial = Buffer.concat([
    Buffer.from([1 << 3, ...varint(items)]),
    Buffer.from([(2 << 3) | 2, ...varint(text.length)]),
    text,
  ])
  return Buffer.concat([Buffer.from([(1 << 3) | 2, ...varint(partial.length)]), partial])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]
}
