/** Requests to the endpoints of a provider for files and batches. */
import type { Readable } from 'node:stream'
import type { IncomingHttpHeaders } from 'node:http'
import type { Gateway } from '../calls/gateway.ts'
import { GatewayError, type ErrorCode } from '../errors/gateway-error.ts'
import type { Deployment } from '../routing/deployment.ts'
import { POOL_DESTROYED } from '../upstream/upstream-pools.ts'

export interface ProviderRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below the base URL, e.g. `/files`. */
  readonly path: string
  /** Correlates the request in the provider's records. */
  readonly callId: string
  readonly contentType?: string
  readonly body?: Buffer | Readable
}

export interface ProviderAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Has to be read to its end, or destroyed. */
  readonly body: Readable
}

/** Answers that are read whole: objects and lists. */
const MAX_OBJECT_BYTES = 8 * 1_048_576

/** @throws GatewayError when the provider gives no answer. */
export async function askProvider(
  gateway: Pick<Gateway, 'pools' | 'settings'>,
  deployment: Deployment,
  { method, path, callId, contentType, body }: ProviderRequest,
): Promise<ProviderAnswer> {
  const headers = [...deployment.headers, 'accept-encoding', 'identity', 'x-client-request-id', callId]
  if (contentType !== undefined) headers.push('content-type', contentType)
  try {
    const connections = await gateway.pools.forTransfers(deployment.origin)
    const answer = await connections.request({
      method,
      path: new URL(deployment.facts.apiBase).pathname.replace(/\/$/, '') + path,
      headers,
      body: body ?? null,
      headersTimeout: deployment.timeoutMs,
      bodyTimeout: gateway.settings.idleTimeoutMs,
    })
    return { status: answer.statusCode, headers: answer.headers, body: answer.body }
  } catch (error) {
    throw noAnswer(error)
  }
}

/** Reads an object or a list whole. @throws GatewayError when it is too large, or breaks off. */
export async function readWhole(answer: ProviderAnswer): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > MAX_OBJECT_BYTES) {
        throw new GatewayError(
          'provider_bad_answer',
          `The provider’s answer is larger than ${MAX_OBJECT_BYTES} bytes.`,
        )
      }
      chunks.push(chunk)
    }
  } catch (error) {
    throw brokenAnswer(error)
  }
  return Buffer.concat(chunks)
}

const TOLD: ReadonlyMap<string, readonly [ErrorCode, string]> = new Map([
  ['UND_ERR_HEADERS_TIMEOUT', ['timeout', 'The provider sent no answer in time.']],
  ['UND_ERR_BODY_TIMEOUT', ['timeout', 'The provider fell silent within its answer.']],
  ['UND_ERR_CONNECT_TIMEOUT', ['timeout', 'No connection to the provider in time.']],
  ['GATEWAY_STOPPING', ['overloaded', 'The gateway stopped before the call ended.']],
  [POOL_DESTROYED, ['overloaded', 'The gateway stopped before the call ended.']],
])

function noAnswer(error: unknown): GatewayError {
  return toldError(error, 'provider_unreachable', 'The provider could not be reached.')
}

/** What befell an answer that had begun. */
export function brokenAnswer(error: unknown): GatewayError {
  return toldError(error, 'provider_cut', 'The provider broke off within its answer.')
}

function toldError(error: unknown, code: ErrorCode, text: string): GatewayError {
  if (error instanceof GatewayError) return error
  const [toldCode, message] = TOLD.get(errorCode(error)) ?? [code, text]
  return new GatewayError(toldCode, message, { cause: error })
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
