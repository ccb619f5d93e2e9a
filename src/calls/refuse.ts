/** A call that ends before any provider was called: the client is told in its dialect, and the refusal is recorded. */
import { GatewayError } from '../errors/gateway-error.ts'
import type { RequestFacts } from '../dialects/dialect.ts'
import type { Principal } from '../identity/principal.ts'
import { ZERO } from '../money/picodollars.ts'
import type { CallEnd } from '../record/call-record.ts'
import { nowMs } from '../record/clock.ts'
import type { JournalWaiter } from '../spend/ledger.ts'
import type { Arrival } from './arrival.ts'
import { callStart } from './call-start.ts'
import type { Gateway } from './gateway.ts'

const NO_WAITER: JournalWaiter = { onStartJournaled() {}, onEndJournaled() {} }

/** @param cause what was thrown: a `GatewayError` is told as it is, anything else as an internal error without detail. */
export function refuse(
  gateway: Gateway,
  arrival: Arrival,
  principal: Principal | undefined,
  facts: RequestFacts | undefined,
  cause: unknown,
): void {
  const error = toGatewayError(cause)
  const wire = arrival.endpoint.dialect.writeError(error, arrival.callId)
  const start = callStart(arrival, principal, facts)
  const end: CallEnd = {
    ending: 'refused',
    httpStatus: wire.status,
    endedAtMs: nowMs(),
    deployment: undefined,
    attempts: [],
    providerStartedAtMs: undefined,
    firstContentAtMs: undefined,
    providerEndedAtMs: undefined,
    usage: undefined,
    usageSource: 'none',
    cost: ZERO,
    priced: true,
    error: {
      errorClass: error.kind.errorClass,
      httpStatus: wire.status,
      message: gateway.redact(cause instanceof Error ? cause.message : error.message).slice(0, 2_000),
      provider: undefined,
    },
    requestBody: undefined,
    responseBody: undefined,
  }
  // A caller that could not be identified must not be able to fill the database.
  if (principal !== undefined && !arrival.endpoint.dialect.unbilled)
    gateway.ledger.settle(start, end, NO_WAITER)
  gateway.observer.callSettled(start, end)
  const { version } = gateway.settings
  if (arrival.exchange.requestComplete) return writeRefusal(arrival, version, wire)
  // What has arrived is parsed first: whether a short body was whole must not depend on how fast the refusal was.
  setImmediate(writeRefusal, arrival, version, wire)
}

/** What a client is told of a failure: anything but a `GatewayError` only as an internal error. */
export function toGatewayError(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause
  return new GatewayError(
    'internal',
    'The gateway failed on this request; its log tells more under the call id.',
    {
      cause,
    },
  )
}

function writeRefusal(
  arrival: Arrival,
  version: string,
  wire: {
    readonly status: number
    readonly body: Buffer
    readonly headers: Readonly<Record<string, string>>
  },
): void {
  const { exchange } = arrival
  if (exchange.closed || exchange.headersSent) return
  const headers = ['content-length', String(wire.body.length), 'x-litellm-call-id', arrival.callId]
  headers.push('x-litellm-version', version)
  for (const name in wire.headers) headers.push(name, wire.headers[name] ?? '')
  exchange.writeHead(wire.status, headers)
  exchange.end(wire.body)
}
