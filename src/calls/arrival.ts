/** What is known of a call the moment it arrives. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { nowMs } from '../record/clock.ts'
import type { CallType } from '../record/call-record.ts'
import type { CallStage, CallTrace } from '../record/call-trace.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { CallTracing } from '../telemetry/traces/call-tracing.ts'

/** One route that takes model calls. */
export interface Endpoint {
  readonly dialect: Dialect
  readonly callType: CallType
  /** The route as registered: the `route` label of metrics. */
  readonly route: string
}

export interface Arrival {
  readonly endpoint: Endpoint
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Made by the gateway, never taken from the client: accounting is idempotent by it. */
  readonly callId: string
  readonly arrivedAtMs: number
  readonly requesterIp: string | undefined
  /** Model in the path (`/openai/deployments/{model}/…`), which wins over the body's. */
  readonly pathModel: string | undefined
  /** Undefined when tracing is off. */
  readonly trace: CallTrace | undefined
}

export function arrive(
  endpoint: Endpoint,
  request: IncomingMessage,
  response: ServerResponse,
  requesterIp: string | undefined,
  pathModel: string | undefined,
  tracing: CallTracing | undefined,
): Arrival {
  const callId = randomUUID()
  const trace = tracing?.begin(callId, request.headers)
  return { endpoint, request, response, callId, arrivedAtMs: nowMs(), requesterIp, pathModel, trace }
}

/** Writes down when a stage was done, for the call's trace. */
export function noteStage({ trace }: Arrival, stage: CallStage): void {
  if (trace !== undefined) trace[stage] = nowMs()
}
