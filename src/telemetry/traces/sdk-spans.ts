/** Spans as the OpenTelemetry SDK's serializers take them. */
import { createTraceState, type Attributes, type SpanContext } from '@opentelemetry/api'
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace'
import { SdkAttributes, toHrTime, type Origin } from './sdk-attributes.ts'
import type { SpanHead, SpanSink } from './sinks.ts'

const SAMPLED = 1
const STATUS_UNSET = 0
const STATUS_ERROR = 2

export class SdkSpans extends SdkAttributes implements SpanSink {
  readonly #origin: Origin
  #spans: ReadableSpan[] = []
  #events: TimedEvent[] = []
  #head: SpanHead | undefined

  constructor(origin: Origin) {
    super()
    this.#origin = origin
  }

  get length(): number {
    return this.#spans.length
  }

  /** The spans since the last time. */
  take(): ReadableSpan[] {
    const spans = this.#spans
    this.#spans = []
    return spans
  }

  begin(head: SpanHead): void {
    this.#head = head
    this.#events = []
    this.takeAttributes()
  }

  event(name: string, timeMs: number): void {
    this.#addEvent(name, timeMs, {})
  }

  exception(timeMs: number, type: string, message: string): void {
    this.#addEvent('exception', timeMs, { 'exception.type': type, 'exception.message': message })
  }

  end(error: string | undefined): void {
    const head = this.#head
    if (head === undefined) return
    const { traceId, parentSpanId } = head
    const state = head.traceState === undefined ? {} : { traceState: createTraceState(head.traceState) }
    const context: SpanContext = { traceId, spanId: head.spanId, traceFlags: SAMPLED, ...state }
    // A clock that was set back between two readings must not give a span that ends before it begins.
    const endMs = Math.max(head.startMs, head.endMs)
    this.#spans.push({
      name: head.name,
      kind: head.kind - 1,
      spanContext: () => context,
      ...(parentSpanId === undefined
        ? {}
        : {
            parentSpanContext: {
              traceId,
              spanId: parentSpanId,
              traceFlags: SAMPLED,
              isRemote: head.isParentRemote,
            },
          }),
      startTime: toHrTime(head.startMs),
      endTime: toHrTime(endMs),
      duration: toHrTime(endMs - head.startMs),
      status: error === undefined ? { code: STATUS_UNSET } : { code: STATUS_ERROR, message: error },
      attributes: this.takeAttributes(),
      links: [],
      events: this.#events,
      ended: true,
      ...this.#origin,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    })
  }

  #addEvent(name: string, timeMs: number, attributes: Attributes): void {
    this.#events.push({ name, time: toHrTime(timeMs), attributes, droppedAttributesCount: 0 })
  }
}
