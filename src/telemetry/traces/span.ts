/** A finished span as the SDK's encoders take it. It is made whole, after its call has ended. */
import type { HrTime, SpanContext, SpanKind, SpanStatus } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace'

/** Kinds and codes of the specification, as the numbers that `@opentelemetry/api` has for them. */
export const KIND_INTERNAL: SpanKind = 0
export const KIND_SERVER: SpanKind = 1
export const KIND_CLIENT: SpanKind = 2
const STATUS_UNSET = 0
const STATUS_ERROR = 2

export type Attributes = Record<string, string | number | boolean | string[] | undefined>

export interface SpanParts {
  readonly name: string
  readonly kind: SpanKind
  readonly spanId: string
  /** The parent within the same trace; undefined for a trace's first span. */
  readonly parent: SpanContext | undefined
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Attributes
  readonly events: TimedEvent[]
  /** What went wrong; undefined where nothing did. */
  readonly error: string | undefined
}

/** What all spans of a process have in common. */
export interface SpanOrigin {
  readonly resource: Resource
  readonly instrumentationScope: ReadableSpan['instrumentationScope']
}

/** @param context of the trace: the span has all of it but the id. */
export function finishedSpan(parts: SpanParts, context: SpanContext, origin: SpanOrigin): ReadableSpan {
  const own: SpanContext = { ...context, spanId: parts.spanId }
  const status: SpanStatus =
    parts.error === undefined ? { code: STATUS_UNSET } : { code: STATUS_ERROR, message: parts.error }
  // A clock that was set back between two readings must not give a span that ends before it begins.
  const endMs = Math.max(parts.startMs, parts.endMs)
  return {
    name: parts.name,
    kind: parts.kind,
    spanContext: () => own,
    ...(parts.parent === undefined ? {} : { parentSpanContext: parts.parent }),
    startTime: toHrTime(parts.startMs),
    endTime: toHrTime(endMs),
    duration: toHrTime(endMs - parts.startMs),
    status,
    attributes: told(parts.attributes),
    links: [],
    events: parts.events,
    ended: true,
    ...origin,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

/** Without those that have no value: the encoders would write them as empty. */
function told(attributes: Attributes): Attributes {
  const kept: Attributes = {}
  for (const name in attributes) if (attributes[name] !== undefined) kept[name] = attributes[name]
  return kept
}

export function eventAt(name: string, timeMs: number, attributes: Attributes = {}): TimedEvent {
  return { name, time: toHrTime(timeMs), attributes, droppedAttributesCount: 0 }
}

/** Seconds and nanoseconds, to the microsecond: finer is not measured. */
export function toHrTime(ms: number): HrTime {
  const microseconds = Math.round(ms * 1000)
  const seconds = Math.floor(microseconds / 1_000_000)
  return [seconds, (microseconds - seconds * 1_000_000) * 1000]
}
