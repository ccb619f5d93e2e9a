/** One try to bring a message to a receiver. Never throws; what it says of a failure holds no part of the address. */
import type { ReceiverConnections } from './receiver-connections.ts'

export interface OutgoingRequest {
  readonly method: 'POST' | 'PUT'
  /** May hold a secret, and so is shown nowhere. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

export type SendResult =
  | { readonly kind: 'sent' }
  | {
      readonly kind: 'failed'
      readonly reason: string
      /** False when another try cannot do better, e.g. after a 404. */
      readonly mayRetry: boolean
      /** What the receiver asked for. */
      readonly retryAfterMs: number | undefined
    }

/** A receiver that asks for longer is not believed. */
const LONGEST_RETRY_AFTER_MS = 300_000

/** @param clock epoch milliseconds: `retry-after` may be a date. */
export async function sendRequest(
  connections: ReceiverConnections,
  { method, url, headers, body }: OutgoingRequest,
  signal: AbortSignal,
  clock: () => number,
): Promise<SendResult> {
  try {
    const { origin, pathname, search } = new URL(url)
    const path = pathname + search
    const answer = await connections.request({ origin, path, method, headers, body, signal })
    await answer.body.dump()
    const { statusCode } = answer
    if (statusCode >= 200 && statusCode < 300) return { kind: 'sent' }
    return {
      kind: 'failed',
      reason: `HTTP ${statusCode}`,
      mayRetry: statusCode === 408 || statusCode === 429 || statusCode >= 500,
      retryAfterMs: readRetryAfter(answer.headers['retry-after'], clock()),
    }
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error), mayRetry: true, retryAfterMs: undefined }
  }
}

/** Seconds, or a date: RFC 9110, section 10.2.3. */
function readRetryAfter(value: string | string[] | undefined, nowMs: number): number | undefined {
  if (typeof value !== 'string') return undefined
  const waitMs = /^\s*\d{1,9}\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs
  return Number.isFinite(waitMs) && waitMs > 0 ? Math.min(waitMs, LONGEST_RETRY_AFTER_MS) : undefined
}

/** The code of an error, and not its message, which may repeat the address. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  if (error.name === 'TimeoutError') return 'time-out'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
