/** Sends an attempt: the client's own bytes with only the changed members spliced. */
import { spliceMembers } from '../dialects/index.ts'
import type { MemberEdit } from '../dialects/dialect.ts'
import type { Deployment } from '../routing/deployment.ts'
import { formatTraceParent } from '../telemetry/traces/trace-context.ts'
import type { Attempt } from './attempt.ts'
import type { Call } from './call.ts'
import { sharedHeaders, upstreamHeaders } from './upstream-headers.ts'

/** How long the answer may take to begin is the call's to watch. */
export function dispatchAttempt(call: Call, attempt: Attempt): void {
  const { deployment } = attempt
  const { dialect } = call.arrival.endpoint
  const path = deployment.paths[dialect.name]
  if (path === undefined)
    throw new Error(`deployment ${deployment.facts.modelId} does not speak ${dialect.name}`)
  const parts = spliceMembers(call.members, editsFor(call, deployment))
  const exchange = call.gateway.pools.forOrigin(deployment.origin).send(
    {
      path: path + queryOf(call.arrival.exchange.url),
      sharedHeaders: sharedHeaders(deployment, call.stream),
      headers: upstreamHeaders(
        dialect.family,
        call.arrival.exchange.headers,
        call.arrival.callId,
        tracingHeaders(call, attempt),
      ),
      body: parts,
      idleTimeoutMs: call.settings.idleTimeoutMs,
    },
    attempt,
  )
  attempt.sent(exchange)
}

const NO_HEADERS: readonly string[] = []

/** What tells a provider of the trace, where it may be told. */
function tracingHeaders({ gateway, start: { trace } }: Call, { spanId }: Attempt): readonly string[] {
  if (trace === undefined || spanId === undefined || gateway.tracing?.tellsProviders !== true)
    return NO_HEADERS
  const list = ['traceparent', formatTraceParent(trace.traceId, spanId, trace.sampled)]
  if (trace.traceState !== undefined) list.push('tracestate', trace.traceState)
  return list
}

function editsFor(call: Call, deployment: Deployment): MemberEdit[] {
  const edits = [...call.arrival.endpoint.dialect.upstreamEdits(call.members, call.facts)]
  const model = call.members.get('model')
  const sentModel =
    model === undefined ? '' : call.members.body.toString('latin1', model.valueStart, model.valueEnd)
  if (sentModel !== deployment.upstreamModelJson)
    edits.push({ name: 'model', value: deployment.upstreamModelJson })
  for (const [name, value] of deployment.defaults) {
    if (call.members.get(name) === undefined) edits.push({ name, value })
  }
  return edits
}

/** The client's query string goes on (`?beta=true`), except members that may carry a credential. */
export function queryOf(url: string): string {
  const mark = url.indexOf('?')
  if (mark < 0) return ''
  const query = url.slice(mark)
  if (query === '?beta=true') return query
  const members = new URLSearchParams(query)
  for (const name of ['key', 'api_key', 'api-key', 'api-version', 'access_token', 'token'])
    members.delete(name)
  const text = members.toString()
  return text === '' ? '' : `?${text}`
}
