/** One try to bring a message to a receiver. Never throws; what it says of a failure holds no part of the address. */
import type { ReceiverConnections } from './receiver-connections.ts'

export interface OutgoingRequest {
  readonly method: 'POST' | 'PUT'
  /** May hold a secret, and so is shown nowhere. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
  /** Reads from the answer of a receiver that took the message what it did not take of it. Never throws. */
  readonly readAnswer?: (contentType: string | undefined, body: Buffer) => Rejection | undefined
}

/** A part of a message that a receiver did not take, and will not take when it is sent again. */
export interface Rejection {
  readonly signal: string
  /** Of the signal: spans, log records or data points. None, when all were taken and there is a word of warning. */
  readonly items: number
  /** The receiver's words. */
  readonly reason: string
}

export type SendResult =
  | { readonly kind: 'sent'; readonly rejection?: Rejection | undefined }
  | {
      readonly kind: 'failed'
      readonly reason: string
      /** False when another try cannot do better, e.g. after a 404. */
      readonly mayRetry: boolean
      /** What the receiver asked for. */
      readonly retryAfterMs: number | undefined
    }

/** An answer that is longer is not read. */
export const MOST_ANSWER_BYTES = 65_536

const NOTHING = Buffer.alloc(0)

/** A receiver that asks for longer is not believed. */
const LONGEST_RETRY_AFTER_MS = 300_000

/** @param clock epoch milliseconds: `retry-after` may be a date. */
export async function sendRequest(
  connections: ReceiverConnections,
  { method, url, headers, body, readAnswer }: OutgoingRequest,
  signal: AbortSignal,
  clock: () => number,
): Promise<SendResult> {
  try {
    const { origin, pathname, search } = new URL(url)
    const path = pathname + search
    const answer = await connections.request({ origin, path, method, headers, body, signal })
    const { statusCode } = answer
    const isTaken = statusCode >= 200 && statusCode < 300
    if (isTaken && readAnswer !== undefined) {
      const contentType = answer.headers['content-type']
      return { kind: 'sent', rejection: readAnswer(contentType?.toString(), await readShort(answer.body)) }
    }
    await answer.body.dump()
    if (isTaken) return { kind: 'sent' }
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

/** @returns nothing of an answer that is long, or cut: the message has arrived all the same. */
async function readShort(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of body) {
      length += chunk.length
      if (length > MOST_ANSWER_BYTES) return NOTHING
      chunks.push(chunk)
    }
  } catch {
    return NOTHING
  }
  return Buffer.concat(chunks)
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
