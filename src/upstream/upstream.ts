/** How the call path talks to providers: what it asks, what it is told of the answer, and how it steers meanwhile. */
import type { IncomingHttpHeaders } from 'node:http'

/** A POST to a provider. */
export interface UpstreamRequest {
  /** With the query, if there is one. */
  readonly path: string
  /**
   * Names in lower case and values, flat. Headers of the connection and of the body's length are the client's own to
   * write: they are left out. `host` takes the place of the origin's.
   */
  readonly headers: readonly string[]
  /** Further ones, sent before them: a list that does not change, and that other requests have too. */
  readonly sharedHeaders?: readonly string[]
  /** The body's bytes in order. They must not change until the exchange is over. */
  readonly body: readonly Buffer[]
  /** Longest silence within an answer; 0 for none. The time until an answer begins is the caller's to watch. */
  readonly idleTimeoutMs: number
}

/**
 * Is told of one answer: its head, data any number of times, then its end; or an error, once, at any point before the
 * end. After an abort nothing is told.
 */
export interface UpstreamHandler {
  /** Names are in lower case; a header that came more than once is a list. Answers below 200 are not told. */
  onAnswerHead(status: number, headers: IncomingHttpHeaders): void
  /** Body bytes from `start` to `end` in a buffer that is lent: it holds other bytes once this returns. */
  onAnswerData(bytes: Buffer, start: number, end: number): void
  onAnswerEnd(): void
  /** An `UpstreamError`, or what the operating system or TLS says of the connection. */
  onAnswerError(error: Error): void
}

/** One request and its answer under way. Once it is over, nothing here has an effect. */
export interface UpstreamExchange {
  /** Cuts the connection. */
  abort(): void
  /** Stops reading; what has been read already is still told. Silence is not counted meanwhile. */
  pause(): void
  resume(): void
}
