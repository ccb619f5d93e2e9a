/**
 * Calls as generations of Langfuse, by its OTLP endpoint: the callbacks `langfuse` and `langfuse_otel`.
 * https://langfuse.com/integrations/native/opentelemetry
 */
import { createHash } from 'node:crypto'
import { completionTokens, promptTokens } from '../../dialects/usage.ts'
import { toDollars } from '../../money/picodollars.ts'
import { isSuccess } from '../../record/call-record.ts'
import { heldCalls, type Exporter } from './exporter.ts'
import type { SettledCall } from './settled-call.ts'

export interface LangfuseSettings {
  readonly name: string
  readonly wants: Exporter['wants']
  /** With scheme, e.g. `https://cloud.langfuse.com`. */
  readonly host: string
  readonly publicKey: string
  readonly secretKey: string
  readonly version: string
}

/** OTLP's JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
interface Attribute {
  readonly key: string
  readonly value:
    | { readonly stringValue: string }
    | { readonly intValue: string }
    | { readonly doubleValue: number }
}

/** Kind and status codes of OTLP spans. */
const KIND_CLIENT = 3
const STATUS_ERROR = 2

export function langfuse(settings: LangfuseSettings): Exporter {
  const credentials = Buffer.from(`${settings.publicKey}:${settings.secretKey}`).toString('base64')
  const headers = {
    'content-type': 'application/json',
    authorization: `Basic ${credentials}`,
    'x-langfuse-ingestion-version': '4',
  }
  const resource = {
    attributes: attributes([
      ['service.name', 'sluice'],
      ['service.version', settings.version],
    ]),
  }
  const url = `${settings.host.replace(/\/+$/, '')}/api/public/otel/v1/traces`
  return {
    name: settings.name,
    wants: settings.wants,
    mostCalls: 200,
    newBatch: heldCalls((calls) => {
      const scopeSpans = [{ scope: { name: 'sluice' }, spans: calls.map(span) }]
      const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] })
      return [{ method: 'POST', url, headers, body }]
    }),
  }
}

/** The ids come from the call's own, so that a batch that is sent twice is one trace a call. */
function span(call: SettledCall): unknown {
  const { start, end } = call
  const digest = createHash('sha256').update(start.callId).digest('hex')
  return {
    traceId: digest.slice(0, 32),
    spanId: digest.slice(32, 48),
    name: start.callType,
    kind: KIND_CLIENT,
    startTimeUnixNano: nanoseconds(start.arrivedAtMs),
    endTimeUnixNano: nanoseconds(end.endedAtMs),
    attributes: attributes(spanAttributes(call)),
    status: isSuccess(end.ending) ? {} : { code: STATUS_ERROR, message: end.error?.errorClass ?? end.ending },
  }
}

function spanAttributes({ start, end }: SettledCall): readonly (readonly [string, AttributeValue])[] {
  const { caller } = start
  const { deployment, usage } = end
  return [
    ['langfuse.observation.type', 'generation'],
    ['langfuse.trace.name', start.callType],
    ['langfuse.user.id', start.endUser ?? caller.userId],
    ['langfuse.session.id', start.sessionId],
    ['langfuse.trace.tags', start.tags.length === 0 ? undefined : JSON.stringify(start.tags)],
    ['langfuse.observation.level', isSuccess(end.ending) ? undefined : 'ERROR'],
    ['langfuse.observation.status_message', end.error?.message],
    ['langfuse.observation.completion_start_time', instant(end.firstContentAtMs)],
    ['langfuse.observation.cost_details', JSON.stringify({ total: toDollars(end.cost) })],
    ['langfuse.trace.metadata.litellm_call_id', start.callId],
    ['langfuse.trace.metadata.user_api_key_hash', caller.keyHash],
    ['langfuse.trace.metadata.user_api_key_alias', caller.keyAlias],
    ['langfuse.trace.metadata.user_api_key_team_id', caller.teamId],
    ['langfuse.trace.metadata.user_api_key_team_alias', caller.teamAlias],
    ['gen_ai.operation.name', start.callType === 'aembedding' ? 'embeddings' : 'chat'],
    ['gen_ai.provider.name', deployment?.provider],
    ['gen_ai.request.model', start.requestedModel],
    ['gen_ai.response.model', deployment?.upstreamModel],
    ['gen_ai.usage.input_tokens', usage === undefined ? undefined : promptTokens(usage)],
    ['gen_ai.usage.output_tokens', usage === undefined ? undefined : completionTokens(usage)],
    ['gen_ai.usage.cost', { double: toDollars(end.cost) }],
  ]
}

type AttributeValue = string | number | { readonly double: number } | undefined

function attributes(pairs: readonly (readonly [string, AttributeValue])[]): readonly Attribute[] {
  return pairs.flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: otlpValue(value) }]))
}

function otlpValue(value: Exclude<AttributeValue, undefined>): Attribute['value'] {
  if (typeof value === 'string') return { stringValue: value }
  return typeof value === 'number' ? { intValue: String(value) } : { doubleValue: value.double }
}

function instant(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString()
}

/** As text: beyond what a JavaScript number holds exactly. */
function nanoseconds(ms: number): string {
  const microseconds = Math.round(ms * 1000)
  return `${microseconds}000`
}
