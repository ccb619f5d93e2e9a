/** Writes the head of an answer, and whole answers, to the client. */
import { toDecimal, type Picodollars } from '../money/picodollars.ts'
import type { DeploymentFacts } from '../record/call-record.ts'
import { fixedMilliseconds } from '../record/milliseconds-text.ts'
import type { Scope } from '../record/scope.ts'
import { appendProviderHeaders, headerValue } from './answer-headers.ts'
import type { Attempt } from './attempt.ts'
import type { Call } from './call.ts'
import type { Outcome } from './settle.ts'
import { nowMs } from '../record/clock.ts'

/** What every stream says. */
const STREAM_LINES =
  'content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache, no-transform\r\n' +
  // Proxies such as nginx would otherwise gather chunks.
  'x-accel-buffering: no\r\n'

/**
 * Head of a stream: sent with its first content. The cost is not known yet, so no header tells it, but for an answer
 * from the cache, which has no attempt.
 */
export function writeStreamHead(call: Call, attempt: Attempt | undefined): void {
  const cost = call.cached === undefined ? '' : 'x-litellm-response-cost: 0\r\n'
  const lines = `${STREAM_LINES}${gatewayLines(call, attempt, nowMs())}${cost}`
  call.arrival.exchange.writeHead(200, furtherHeaders([], call, attempt), deploymentHeaders(call), lines)
}

/** A whole answer, or an error. `attempt` is given when the answer is the provider's. */
export function writeWhole(
  call: Call,
  attempt: Attempt | undefined,
  outcome: Outcome,
  status: number,
  contentType: string,
  body: Buffer,
  extra: Readonly<Record<string, string>> = {},
): void {
  const headers = ['content-type', contentType, 'content-length', String(body.length)]
  for (const name in extra) if (name !== 'content-type') headers.push(name, extra[name] ?? '')
  let lines = gatewayLines(call, attempt, outcome.endedAtMs)
  if (outcome.usage !== undefined || call.cached !== undefined)
    lines += `x-litellm-response-cost: ${toDecimal(outcome.cost)}\r\n`
  const { exchange } = call.arrival
  exchange.writeHead(status, furtherHeaders(headers, call, attempt), deploymentHeaders(call), lines)
  exchange.end(body)
}

/** The gateway's own headers of a call. All in one text: name by name they cost twice as much. */
function gatewayLines(call: Call, attempt: Attempt | undefined, atMs: number): string {
  const { callId, arrivedAtMs } = call.arrival
  return (
    `x-litellm-call-id: ${callId}\r\nx-litellm-attempted-retries: ${call.retries}\r\n` +
    `x-litellm-overhead-duration-ms: ${fixedMilliseconds(overheadMs(call, attempt, atMs))}\r\n` +
    `x-litellm-response-duration-ms: ${fixedMilliseconds(atMs - arrivedAtMs)}\r\n${keyLines(call)}`
  )
}

function keyLines(call: Call): string {
  const scope = call.principal.scopes[0]
  if (scope === undefined) return ''
  const budget = scope.maxBudget === undefined ? '' : budgetLine(scope, scope.maxBudget)
  return `x-litellm-key-spend: ${toDecimal(scope.spent)}\r\n${budget}`
}

/** Adds the headers of which others have a say. */
function furtherHeaders(headers: string[], call: Call, attempt: Attempt | undefined): readonly string[] {
  if (call.cached !== undefined) headers.push('x-litellm-cache-key', call.question?.key ?? '')
  for (const reservation of call.reservations) headers.push(...reservation.headers)
  if (attempt !== undefined) appendProviderHeaders(headers, attempt.headers, call.reservations.length > 0)
  return headers
}

const listsOfDeployments = new WeakMap<DeploymentFacts, readonly string[]>()

/** What every answer of a deployment says. */
function deploymentHeaders(call: Call): readonly string[] {
  const { facts } = call.deployment
  let list = listsOfDeployments.get(facts)
  if (list === undefined) {
    list = [
      'x-litellm-model-id',
      headerValue(facts.modelId),
      'x-litellm-model-group',
      headerValue(facts.modelGroup),
      'x-litellm-model-api-base',
      facts.apiBase,
      'x-litellm-version',
      call.settings.version,
    ]
    listsOfDeployments.set(facts, list)
  }
  return list
}

const budgetLines = new WeakMap<Scope, { readonly amount: Picodollars; readonly line: string }>()

/** A budget hardly ever changes. */
function budgetLine(scope: Scope, amount: Picodollars): string {
  let known = budgetLines.get(scope)
  if (known?.amount !== amount) {
    known = { amount, line: `x-litellm-key-max-budget: ${toDecimal(amount)}\r\n` }
    budgetLines.set(scope, known)
  }
  return known.line
}

/** Time the gateway itself took so far: before its first attempt at a provider, and after its last. */
function overheadMs(call: Call, attempt: Attempt | undefined, atMs: number): number {
  const total = atMs - call.arrival.arrivedAtMs
  if (attempt === undefined) return total
  const firstStartedAtMs = call.attempts[0]?.startedAtMs ?? attempt.startedAtMs
  const lastEndedAtMs = attempt.endedAtMs === 0 ? atMs : attempt.endedAtMs
  return Math.max(0, total - (lastEndedAtMs - firstStartedAtMs))
}
