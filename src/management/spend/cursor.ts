/** A place in the call log as a text for clients, who pass it on unread. */
import { GatewayError } from '../../errors/gateway-error.ts'
import type { CallLogPosition } from '../../storage/queries/call-log.ts'

export function printCursor(position: CallLogPosition): string {
  return Buffer.from(`${position.startedMicros} ${position.callId}`).toString('base64url')
}

/** @throws GatewayError `bad_request` for a text that `printCursor` has not made. */
export function parseCursor(text: string): CallLogPosition {
  const match = /^(\d{1,18}) ([^]{1,512})$/.exec(Buffer.from(text, 'base64url').toString('utf8'))
  const [, micros, callId] = match ?? []
  if (micros === undefined || callId === undefined) {
    throw new GatewayError('bad_request', 'cursor: expected the next_cursor of an earlier answer.', {
      param: 'cursor',
    })
  }
  return { startedMicros: BigInt(micros), callId }
}
