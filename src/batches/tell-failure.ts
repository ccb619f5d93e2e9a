/** A call on files or batches that failed: what the client is told, and what is written down of it. */
import { appendProviderHeaders, headerText } from '../calls/answer-headers.ts'
import type { Arrival } from '../calls/arrival.ts'
import type { NodeExchange } from '../calls/node-exchange.ts'
import type { Gateway } from '../calls/gateway.ts'
import { toGatewayError } from '../calls/refuse.ts'
import { providerErrorFacts, wrapForeignError } from '../dialects/index.ts'
import { GatewayError, type ErrorCode } from '../errors/gateway-error.ts'
import type { AttemptFacts, CallError, Ending } from '../record/call-record.ts'
import { DatabaseUnreachableError } from '../storage/postgresql.ts'
import { ProviderRefusal } from './call-errors.ts'

/** Time that a client gets to read an answer that came before its request was whole. */
const LINGER_MS = 5_000

/** A failure as it is told to the client, and written down. */
export interface WireFailure {
  readonly ending: Ending
  readonly status: number
  readonly body: Buffer
  readonly headers: readonly string[]
  readonly told: CallError
}

type Redacting = Pick<Gateway, 'redact'>

/** @param attempts what was asked of a provider before: what failed then is the provider's failure. */
export function failureOf(
  gateway: Redacting,
  arrival: Arrival,
  attempts: readonly AttemptFacts[],
  error: unknown,
): WireFailure {
  const provider = attempts.at(-1)?.deployment.provider
  if (error instanceof ProviderRefusal) return failureOfRefusal(gateway, provider, error)
  const own = asGatewayError(error)
  const wire = arrival.endpoint.dialect.writeError(own, arrival.callId)
  const ending = provider === undefined ? 'refused' : endingOf(own)
  return {
    ending,
    status: wire.status,
    body: wire.body,
    headers: Object.entries(wire.headers).flat(),
    told: {
      errorClass: own.kind.errorClass,
      httpStatus: wire.status,
      message: gateway.redact(error instanceof Error ? error.message : own.message).slice(0, 2_000),
      provider: ending === 'refused' ? undefined : provider,
    },
  }
}

function failureOfRefusal(
  gateway: Redacting,
  provider: string | undefined,
  { status, body, headers }: ProviderRefusal,
): WireFailure {
  const contentType = headerText(headers['content-type'])
  const facts = providerErrorFacts('openai', status, body, contentType)
  const foreign = wrapForeignError(
    'openai',
    status,
    Buffer.from(gateway.redact(body.toString('utf8'))),
    contentType,
  )
  const list = ['content-type', foreign.contentType]
  appendProviderHeaders(list, headers)
  // A redirect would lead the client past the gateway.
  const told = status < 400 ? 502 : status
  return {
    ending: 'provider_error',
    status: told,
    body: foreign.body,
    headers: list,
    told: {
      errorClass: facts.errorClass,
      httpStatus: told,
      message: gateway.redact(facts.message).slice(0, 2_000),
      provider,
    },
  }
}

function asGatewayError(error: unknown): GatewayError {
  if (!(error instanceof DatabaseUnreachableError)) return toGatewayError(error)
  return new GatewayError('identity_unavailable', 'The database does not answer. Try again shortly.', {
    cause: error,
    retryAfterSeconds: 1,
  })
}

/** Endings that a provider is the cause of; every other error is the gateway's refusal. */
const ENDINGS: ReadonlyMap<ErrorCode, Ending> = new Map([
  ['timeout', 'timeout'],
  ['overloaded', 'timeout'],
  ['provider_cut', 'provider_cut'],
  ['provider_unreachable', 'provider_unreachable'],
  ['provider_bad_answer', 'provider_error'],
])

function endingOf({ code }: GatewayError): Ending {
  return ENDINGS.get(code) ?? 'refused'
}

/** After the head of an answer nothing can be told: the connection is cut, so that the answer does not look whole. */
export function writeFailure(
  { exchange, callId }: Arrival<NodeExchange>,
  { status, body, headers }: WireFailure,
  version: string,
): void {
  const { request, response } = exchange
  if (response.headersSent) return void response.destroy()
  const unread = !request.complete
  response.writeHead(status, [
    ...headers,
    'content-length',
    String(body.length),
    'x-litellm-call-id',
    callId,
    'x-litellm-version',
    version,
    ...(unread ? ['connection', 'close'] : []),
  ])
  if (!unread) return void response.end(body)
  // A client that is still sending reads the answer when it is done, or stops: until then the connection stays open.
  response.write(body)
  const end = (): void => void response.end()
  const timer = setTimeout(end, LINGER_MS)
  request.once('close', () => clearTimeout(timer)).once('end', end)
  request.resume()
}
