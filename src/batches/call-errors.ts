/** What may break off a call on files or batches, besides the errors of the gateway itself. */
import type { IncomingHttpHeaders } from 'node:http'

/** A provider's own refusal: the client gets its status and words. */
export class ProviderRefusal extends Error {
  readonly status: number
  readonly body: Buffer
  readonly headers: IncomingHttpHeaders

  constructor(status: number, body: Buffer, headers: IncomingHttpHeaders) {
    super(`the provider answered with status ${status}`)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/** Says that the client has left. */
export function clientGone(cause: unknown): Error {
  return Object.assign(new Error('the client closed its connection', { cause }), { code: CLIENT_GONE })
}

const CLIENT_GONE = 'CLIENT_GONE'

/** What a pipeline throws when the client closes its connection before the end. */
export function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
}

export function isClientGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === CLIENT_GONE
}
