/** The last that a client hears of its call, sent once the call's end is in the journal. */
import type { GatewayError } from '../errors/gateway-error.ts'
import type { Attempt } from './attempt.ts'
import type { Call } from './call.ts'
import type { Outcome } from './settle.ts'
import { writeStreamHead, writeWhole } from './write-answer.ts'

export type Farewell =
  | { readonly kind: 'whole'; readonly status: number; readonly contentType: string; readonly body: Buffer }
  | { readonly kind: 'error'; readonly error: GatewayError }
  | { readonly kind: 'stream'; readonly tail: Buffer; readonly error: GatewayError | undefined }
  | { readonly kind: 'nothing' }

export const NOTHING: Farewell = { kind: 'nothing' }

/** @param attempt the last one. */
export function sayFarewell(
  call: Call,
  attempt: Attempt | undefined,
  outcome: Outcome,
  farewell: Farewell,
): void {
  switch (farewell.kind) {
    case 'nothing':
      return
    case 'whole':
      return writeWhole(call, attempt, outcome, farewell.status, farewell.contentType, farewell.body)
    case 'error': {
      const wire = call.arrival.endpoint.dialect.writeError(farewell.error, call.arrival.callId)
      return writeWhole(call, undefined, outcome, wire.status, 'application/json', wire.body, wire.headers)
    }
    case 'stream':
      return endStream(call, attempt, farewell.tail, farewell.error)
  }
}

function endStream(
  call: Call,
  attempt: Attempt | undefined,
  tail: Buffer,
  error: GatewayError | undefined,
): void {
  const { exchange, endpoint, callId } = call.arrival
  if (!exchange.headersSent) writeStreamHead(call, attempt)
  if (error === undefined) exchange.end(tail)
  else exchange.end(Buffer.concat([tail, endpoint.dialect.writeStreamError(error, callId)]))
}
