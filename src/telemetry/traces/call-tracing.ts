/** What the call path asks of tracing: where in a trace a call stands. Without tracing it is not there at all. */
import type { IncomingHttpHeaders } from 'node:http'
import type { CallTrace } from '../../record/call-trace.ts'
import type { Sampler } from './sampler.ts'
import { newSpanId, parseTraceParent, parseTraceState } from './trace-context.ts'

export interface CallTracingSettings {
  readonly sampler: Sampler
  /** False: every call begins a trace of its own, whatever its client sends. */
  readonly readsContext: boolean
  /** Providers are told of the trace. */
  readonly tellsProviders: boolean
  /** Traces may hold prompts and answers. */
  readonly holdsContent: boolean
}

export class CallTracing {
  readonly tellsProviders: boolean
  readonly holdsContent: boolean
  readonly #sampler: Sampler
  readonly #readsContext: boolean

  constructor(settings: CallTracingSettings) {
    this.tellsProviders = settings.tellsProviders
    this.holdsContent = settings.holdsContent
    this.#sampler = settings.sampler
    this.#readsContext = settings.readsContext
  }

  /** @param callId a UUID: a trace that begins here has it as its id, without the hyphens. */
  begin(callId: string, headers: IncomingHttpHeaders): CallTrace {
    const parent = this.#readsContext ? parseTraceParent(headers['traceparent']) : undefined
    const traceId = parent?.traceId ?? callId.replaceAll('-', '')
    return {
      traceId,
      spanId: newSpanId(),
      parentSpanId: parent?.spanId,
      traceState: parent === undefined ? undefined : parseTraceState(headers['tracestate']),
      sampled: this.#sampler(traceId, parent?.sampled),
    }
  }
}
