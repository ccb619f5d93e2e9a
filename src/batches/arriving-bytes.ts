/** The bytes of a request's body as they arrive, for a body that is never held whole. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors/gateway-error.ts'
import { clientGone } from './call-errors.ts'

/**
 * @param idleTimeoutMs longest wait for the client to send something; time in which nobody reads does not count.
 * @throws GatewayError `body_timeout`; an error that says that the client has left.
 */
export async function* arrivingBytes(
  request: IncomingMessage,
  idleTimeoutMs: number,
): AsyncGenerator<Buffer> {
  // Ending the iteration must not close the connection: the client is still to be told why.
  const chunks: AsyncIterator<Buffer> = request.iterator({ destroyOnReturn: false })
  for (;;) {
    const result = await nextInTime(chunks, idleTimeoutMs)
    if (result.done === true) return
    yield result.value
  }
}

async function nextInTime(
  chunks: AsyncIterator<Buffer>,
  idleTimeoutMs: number,
): Promise<IteratorResult<Buffer>> {
  const expiry = Promise.withResolvers<never>()
  const timer = setTimeout(() => expiry.reject(tooSlow(idleTimeoutMs)), idleTimeoutMs)
  try {
    return await Promise.race([chunks.next(), expiry.promise])
  } catch (error) {
    throw error instanceof GatewayError ? error : clientGone(error)
  } finally {
    clearTimeout(timer)
  }
}

function tooSlow(idleTimeoutMs: number): GatewayError {
  return new GatewayError(
    'body_timeout',
    `the request body did not arrive in time (at most ${idleTimeoutMs / 1000} s without a byte)`,
  )
}
