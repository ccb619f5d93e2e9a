/** The header in which a trace is handed on: https://www.w3.org/TR/trace-context/ */
import { randomFillSync } from 'node:crypto'

export interface TraceParent {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

/** Longer ones are dropped, as the specification allows. */
const MAX_TRACE_STATE_LENGTH = 512

const SAMPLED_FLAG = 1
const TRACE_PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Printable ASCII: what may be sent on as the value of a header. */
const SAFE_TRACE_STATE = /^[\x20-\x7e]+$/

/** Undefined for a header that is missing, malformed, or of the reserved version: the trace then begins anew. */
export function parseTraceParent(header: unknown): TraceParent | undefined {
  if (typeof header !== 'string') return undefined
  const match = TRACE_PARENT.exec(header.trim())
  if (match === null) return undefined
  const [, version = '', traceId = '', spanId = '', flags = '', rest] = match
  // A later version may have more parts; this one may not.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED_FLAG) === SAMPLED_FLAG }
}

/** The client's `tracestate`; of a header that stands more than once, Node has joined the values. */
export function parseTraceState(header: unknown): string | undefined {
  if (typeof header !== 'string') return undefined
  const text = header.trim()
  return text.length <= MAX_TRACE_STATE_LENGTH && SAFE_TRACE_STATE.test(text) ? text : undefined
}

export function formatTraceParent(traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}

const SPAN_ID_BYTES = 8
const NO_SPAN_ID = '0'.repeat(SPAN_ID_BYTES * 2)

/** Random bytes for the next ids: drawing them one id at a time costs ten times as much. */
const POOL = Buffer.alloc(SPAN_ID_BYTES * 512)
let poolAt = POOL.length

/** A span id: 16 lowercase hex digits, never all zero. */
export function newSpanId(): string {
  if (poolAt === POOL.length) {
    randomFillSync(POOL)
    poolAt = 0
  }
  const start = poolAt
  poolAt += SPAN_ID_BYTES
  const id = POOL.toString('hex', start, poolAt)
  return id === NO_SPAN_ID ? newSpanId() : id
}
