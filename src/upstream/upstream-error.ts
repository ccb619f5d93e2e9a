/** What the upstream client itself finds at fault; what the network says keeps the words of Node. */

export type UpstreamErrorCode =
  | 'CONNECT_TIMEOUT'
  | 'IDLE_TIMEOUT'
  | 'CONNECTION_CLOSED'
  | 'BAD_ANSWER'
  | 'BAD_REQUEST'
  | 'GATEWAY_STOPPING'

export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  readonly code: UpstreamErrorCode

  constructor(code: UpstreamErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** The answer is not sound HTTP/1.1. `what` may not quote it: an answer can hold secrets. */
export function badAnswer(what: string): UpstreamError {
  return new UpstreamError('BAD_ANSWER', `the answer is not sound HTTP/1.1: ${what}`)
}

/** What calls under way at a stop end with, and those that begin after it. */
export function gatewayStopping(): UpstreamError {
  return new UpstreamError('GATEWAY_STOPPING', 'the gateway is stopping')
}

export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
