/** A call's place in a distributed trace, and the times of its stages, which only a traced call notes. */

/** When stages of a call were done, in epoch milliseconds; a stage that a call did not come to has no time. */
export interface CallStageTimes {
  /** The caller was known. */
  identifiedAtMs?: number
  /** The body had come and was read. */
  readAtMs?: number
  /** The response cache was asked, */
  cacheAskedAtMs?: number
  /** and had answered, with or without a kept answer. */
  cacheAnsweredAtMs?: number
  /** All limits had let the call in. */
  admittedAtMs?: number
}

export type CallStage = keyof CallStageTimes

export interface CallTrace extends CallStageTimes {
  /** 32 lowercase hex digits. */
  readonly traceId: string
  /** Of the span that stands for the whole call: 16 lowercase hex digits. */
  readonly spanId: string
  /** The client's span; undefined when the trace begins here. */
  readonly parentSpanId: string | undefined
  /** The client's `tracestate`, as it came. */
  readonly traceState: string | undefined
  /** Whether spans of the call are exported. Its ids stand in the log either way. */
  readonly sampled: boolean
}

/** What was asked and answered, held only where traces may hold contents. */
export interface CallContent {
  readonly request: Buffer
  /** Undefined when there was none, or it was too large. A stream is held as its events. */
  readonly answer: Buffer | undefined
}
