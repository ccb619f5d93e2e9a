/** The gateway's own errors as bytes, in the envelope of each dialect. */
import type { GatewayError } from '../errors/gateway-error.ts'
import type { WireError } from './dialect.ts'
import { anthropicTypeOf, openAiTypeOf } from './error-words.ts'

/** `{"error":{message,type,param,code}}`. */
export function writeOpenAiError(error: GatewayError): WireError {
  const status = openAiStatus(error)
  return {
    status,
    body: Buffer.from(JSON.stringify(openAiEnvelope(error, status))),
    headers: headersOf(error),
  }
}

/** An event with the same envelope; a client's SDK throws on it. No `[DONE]` follows. */
export function writeOpenAiStreamError(error: GatewayError): Buffer {
  return Buffer.from(`data: ${JSON.stringify(openAiEnvelope(error, openAiStatus(error)))}\n\n`)
}

/**
 * `event: error`, on which SDKs throw, and then `response.failed`, which Codex needs in order to see that the turn is
 * over rather than cut.
 */
export function writeResponsesStreamError(error: GatewayError, callId: string): Buffer {
  const { message, param, code } = openAiEnvelope(error, openAiStatus(error)).error
  const told = { type: 'error', code, message, param, sequence_number: 0 }
  const response = {
    id: `resp_${callId}`,
    object: 'response',
    created_at: 0,
    status: 'failed',
    error: { code, message },
    incomplete_details: null,
    output: [],
  }
  const failed = { type: 'response.failed', sequence_number: 1, response }
  return Buffer.from(
    `event: error\ndata: ${JSON.stringify(told)}\n\n` +
      `event: response.failed\ndata: ${JSON.stringify(failed)}\n\n`,
  )
}

/** `{"type":"error","error":{type,message},"request_id"}`. */
export function writeAnthropicError(error: GatewayError, callId: string): WireError {
  const status =
    error.status === error.kind.status ? (error.kind.anthropicStatus ?? error.status) : error.status
  return { status, body: Buffer.from(anthropicEnvelope(error, status, callId)), headers: headersOf(error) }
}

export function writeAnthropicStreamError(error: GatewayError, callId: string): Buffer {
  return Buffer.from(`event: error\ndata: ${anthropicEnvelope(error, error.status, callId)}\n\n`)
}

/** OpenAI has no 529: its word for an overloaded provider is 503. */
function openAiStatus(error: GatewayError): number {
  return error.status === 529 ? 503 : error.status
}

function openAiEnvelope(error: GatewayError, status: number): OpenAiEnvelope {
  const relayed = tellsProviderStatus(error)
  const code = relayed ? undefined : error.kind.openaiCode
  return {
    error: {
      message: error.message,
      type: relayed ? openAiTypeOf(status) : error.kind.type,
      param: error.param ?? null,
      code: code ?? String(status),
    },
  }
}

interface OpenAiEnvelope {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
  }
}

function anthropicEnvelope(error: GatewayError, status: number, callId: string): string {
  const type = tellsProviderStatus(error) ? anthropicTypeOf(status) : error.kind.anthropicType
  return JSON.stringify({
    type: 'error',
    error: { type, message: error.message },
    request_id: callId === '' ? null : callId,
  })
}

/** Whether the status is a provider's own: then it, not the gateway's code, says what kind of error it is. */
function tellsProviderStatus(error: GatewayError): boolean {
  return error.status !== error.kind.status && error.code.startsWith('provider_')
}

function headersOf(error: GatewayError): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/json', ...error.headers }
  if (!error.kind.retryable) {
    headers['x-should-retry'] = 'false'
  }
  if (error.retryAfterSeconds !== undefined) {
    headers['retry-after'] = String(Math.max(0, Math.ceil(error.retryAfterSeconds)))
  }
  return headers
}
