/** Where the spans of calls, and the attributes of spans and log records, are written down, in whatever form. */

/** What is undefined is left out. */
export interface AttributeSink {
  text(name: string, value: string | undefined): void
  number(name: string, value: number | undefined): void
  flag(name: string, value: boolean | undefined): void
  texts(name: string, values: readonly string[] | undefined): void
  /**
   * The attributes that tell of an object which lives long and never changes, so that they need to be made only once.
   *
   * @param write must be the same each time for the same object.
   */
  shared<Of extends object>(of: Of, write: (sink: AttributeSink, of: Of) => void): void
}

/** Kinds of spans, by the numbers of OTLP. */
export const KIND_INTERNAL = 1
export const KIND_SERVER = 2
export const KIND_CLIENT = 3

export type SpanKind = typeof KIND_INTERNAL | typeof KIND_SERVER | typeof KIND_CLIENT

/** A span without its attributes, events and ending. */
export interface SpanHead {
  readonly traceId: string
  readonly spanId: string
  /** Undefined for a trace's first span. */
  readonly parentSpanId: string | undefined
  /** The parent is of another process. */
  readonly isParentRemote: boolean
  readonly traceState: string | undefined
  readonly name: string
  readonly kind: SpanKind
  /** Epoch milliseconds. */
  readonly startMs: number
  readonly endMs: number
}

/** Spans come one after the other, and each of them as `begin`, attributes, events, `end`. */
export interface SpanSink extends AttributeSink {
  begin(head: SpanHead): void
  event(name: string, timeMs: number): void
  /** An event that tells of a failure. */
  exception(timeMs: number, type: string, message: string): void
  /** @param error what went wrong; undefined where nothing did. */
  end(error: string | undefined): void
}

/** A log record without its attributes. */
export interface LogHead {
  /** Epoch milliseconds. */
  readonly timeMs: number
  readonly severityNumber: number
  readonly severityText: string
  readonly body: string
  readonly eventName: string
  readonly trace: { readonly traceId: string; readonly spanId: string; readonly sampled: boolean } | undefined
}

/** Records come one after the other, and each of them as `begin`, attributes, `end`. */
export interface LogSink extends AttributeSink {
  begin(head: LogHead): void
  end(): void
}
