/**
 * One request of a client and its answer, whichever server took it: the call path reads and writes nothing of a
 * client but by this.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { HeldBody } from './body-room.ts'

/** How much of a body is taken, and how long it may take. */
export interface BodyLimits {
  readonly maxBodyBytes: number
  readonly bodyIdleTimeoutMs: number
  readonly bodyTimeoutMs: number
}

/** Told of the client's connection, from `watch` on. */
export interface ClientWatcher {
  /** The connection closed before the answer was written whole. */
  clientClosed(): void
  /** The client has taken what was waiting for it. */
  clientDrained(): void
}

export interface ClientExchange {
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders
  /** Path and query as they were sent. */
  readonly url: string
  /** Whether the request's body has arrived to its end. */
  readonly requestComplete: boolean
  /** The connection is gone. */
  readonly closed: boolean
  readonly headersSent: boolean
  /**
   * The body's bytes as they were sent. Called once at most.
   * @param held counts them as they come.
   * @throws GatewayError `body_too_large`, `body_timeout`, `overloaded`, or `bad_request` for a connection that closed within it.
   */
  readBody(limits: BodyLimits, held?: HeldBody): Buffer | Promise<Buffer>
  /**
   * Sets status and headers (names and values in turn). They are sent with the first bytes of the body. Without a
   * `content-length` the body is sent in chunks. An answer that comes before the request's end ends the connection.
   * @param shared further ones, in a list that other answers are given too: it is made into text once.
   * @param lines further ones as `name: value` with a line's end each, of characters that HTTP allows: nobody but the
   *   gateway has a say in them.
   * @throws TypeError for a header that HTTP does not allow.
   */
  writeHead(status: number, headers: readonly string[], shared?: readonly string[], lines?: string): void
  /**
   * @param chunk one character a byte. It goes nowhere when the connection is gone.
   * @returns false when the client takes it slower than it comes: `clientDrained` tells when to go on.
   */
  write(chunk: string): boolean
  end(rest?: Buffer): void
  /** Ends the connection at once: for an answer that cannot be written. */
  cut(): void
  watch(watcher: ClientWatcher): void
}
