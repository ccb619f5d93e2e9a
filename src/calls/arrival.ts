/** What is known of a call the moment it arrives. */
import { newCallId } from '../record/call-id.ts'
import { nowMs } from '../record/clock.ts'
import type { CallType } from '../record/call-record.ts'
import type { CallStage, CallTrace } from '../record/call-trace.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { CallTracing } from '../telemetry/traces/call-tracing.ts'
import type { ClientExchange } from './client-exchange.ts'

/** One route that takes model calls. */
export interface Endpoint {
  readonly dialect: Dialect
  readonly callType: CallType
  /** The route as registered: the `route` label of metrics. */
  readonly route: string
}

export interface Arrival<Exchange extends ClientExchange = ClientExchange> {
  readonly endpoint: Endpoint
  readonly exchange: Exchange
  /** Made by the gateway, never taken from the client: accounting is idempotent by it. */
  readonly callId: string
  readonly arrivedAtMs: number
  readonly requesterIp: string | undefined
  /** Model in the path (`/openai/deployments/{model}/…`), which wins over the body's. */
  readonly pathModel: string | undefined
  /** Undefined when tracing is off. */
  readonly trace: CallTrace | undefined
}

export function arrive<Exchange extends ClientExchange>(
  endpoint: Endpoint,
  exchange: Exchange,
  requesterIp: string | undefined,
  pathModel: string | undefined,
  tracing: CallTracing | undefined,
): Arrival<Exchange> {
  const callId = newCallId()
  const trace = tracing?.begin(callId, exchange.headers)
  return { endpoint, exchange, callId, arrivedAtMs: nowMs(), requesterIp, pathModel, trace }
}

/** Writes down when a stage was done, for the call's trace. */
export function noteStage({ trace }: Arrival, stage: CallStage): void {
  if (trace !== undefined) trace[stage] = nowMs()
}
