/** Writes the head of an answer, and whole answers, to the client. */
import { toDecimal, type Picodollars } from '../money/picodollars.ts'
import type { DeploymentFacts } from '../record/call-record.ts'
import type { Scope } from '../record/scope.ts'
import { appendProviderHeaders, headerValue } from './answer-headers.ts'
import type { Attempt } from './attempt.ts'
import type { Call } from './call.ts'
import type { Outcome } from './settle.ts'
import { nowMs } from '../record/clock.ts'

/**
 * Head of a stream: sent with its first content. The cost is not known yet, so no header tells it, but for an answer
 * from the cache, which has no attempt.
 */
export function writeStreamHead(call: Call, attempt: Attempt | undefined): void {
  const headers = [
    'content-type',
    'text/event-stream; charset=utf-8',
    'cache-control',
    'no-cache, no-transform',
  ]
  // Proxies such as nginx would otherwise gather chunks.
  headers.push('x-accel-buffering', 'no')
  appendGatewayHeaders(headers, call, attempt, nowMs())
  if (call.cached !== undefined) headers.push('x-litellm-response-cost', '0')
  if (attempt !== undefined) appendProviderHeaders(headers, attempt.headers, call.reservations.length > 0)
  call.arrival.exchange.writeHead(200, headers, deploymentHeaders(call))
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
  if (outcome.usage !== undefined || call.cached !== undefined)
    headers.push('x-litellm-response-cost', toDecimal(outcome.cost))
  appendGatewayHeaders(headers, call, attempt, outcome.endedAtMs)
  if (attempt !== undefined) appendProviderHeaders(headers, attempt.headers, call.reservations.length > 0)
  const { exchange } = call.arrival
  exchange.writeHead(status, headers, deploymentHeaders(call))
  exchange.end(body)
}

function appendGatewayHeaders(
  headers: string[],
  call: Call,
  attempt: Attempt | undefined,
  atMs: number,
): void {
  headers.push(
    'x-litellm-call-id',
    call.arrival.callId,
    'x-litellm-attempted-retries',
    String(call.retries),
    'x-litellm-overhead-duration-ms',
    overheadMs(call, attempt, atMs).toFixed(3),
    'x-litellm-response-duration-ms',
    (atMs - call.arrival.arrivedAtMs).toFixed(3),
  )
  if (call.cached !== undefined) headers.push('x-litellm-cache-key', call.question?.key ?? '')
  for (const reservation of call.reservations) headers.push(...reservation.headers)
  const keyScope = call.principal.scopes[0]
  if (keyScope !== undefined) {
    headers.push('x-litellm-key-spend', toDecimal(keyScope.spent))
    if (keyScope.maxBudget !== undefined)
      headers.push('x-litellm-key-max-budget', budgetText(keyScope, keyScope.maxBudget))
  }
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

const budgetTexts = new WeakMap<Scope, { readonly amount: Picodollars; readonly text: string }>()

/** A budget hardly ever changes. */
function budgetText(scope: Scope, amount: Picodollars): string {
  let known = budgetTexts.get(scope)
  if (known?.amount !== amount) {
    known = { amount, text: toDecimal(amount) }
    budgetTexts.set(scope, known)
  }
  return known.text
}

/** Time the gateway itself took so far: before its first attempt at a provider, and after its last. */
function overheadMs(call: Call, attempt: Attempt | undefined, atMs: number): number {
  const total = atMs - call.arrival.arrivedAtMs
  if (attempt === undefined) return total
  const firstStartedAtMs = call.attempts[0]?.startedAtMs ?? attempt.startedAtMs
  const lastEndedAtMs = attempt.endedAtMs === 0 ? atMs : attempt.endedAtMs
  return Math.max(0, total - (lastEndedAtMs - firstStartedAtMs))
}
