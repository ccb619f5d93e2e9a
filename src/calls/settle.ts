/**
 * Settles a call, once, whatever its ending: usage, cost, spend and journal record first, metrics, log line and alerts
 * when its client has been told.
 */
import { estimatedUsage, estimateTokens } from '../dialects/index.ts'
import { completionTokens, NO_USAGE, type Usage } from '../dialects/usage.ts'
import { ZERO, type Picodollars } from '../money/picodollars.ts'
import { isSuccess, type CallEnd, type CallError, type Ending } from '../record/call-record.ts'
import type { CallContent } from '../record/call-trace.ts'
import { nowMs } from '../record/clock.ts'
import { costOf } from '../spend/prices/cost-of.ts'
import type { ModelPrice } from '../spend/prices/model-price.ts'
import type { StartEstimate } from '../spend/ledger.ts'
import { cacheFacts } from './answer-from-cache.ts'
import type { Attempt } from './attempt.ts'
import type { Call } from './call.ts'
import type { KeptAnswer } from './kept-answer.ts'

export interface Ended {
  readonly ending: Ending
  readonly httpStatus: number
  readonly error: CallError | undefined
  /** Usage told by the provider, whole or (for a broken stream) as far as it had been told. */
  readonly usage: Usage | undefined
  readonly kept: KeptAnswer | undefined
  /** How the provider failed a call that its client had left before. */
  readonly providerEnding?: Ending | undefined
}

/** What the answer's headers need to know of the settlement. */
export interface Outcome {
  readonly cost: Picodollars
  readonly usage: Usage | undefined
  readonly usageSource: CallEnd['usageSource']
  readonly error: CallError | undefined
  readonly endedAtMs: number
  /** What is reported of it. */
  readonly end: CallEnd
}

/** What a call is booked with if the process dies before it ends: its input, and no output. */
export function estimateAtStart(call: Call): StartEstimate {
  const usage = estimatedUsage(call.bodyLength, 0)
  return { usage, cost: priced(call.deployment.price, usage, call.arrival.arrivedAtMs) }
}

/** Journals and counts the end; the call is told by `onEndJournaled` when its last bytes may go out. */
export function settle(call: Call, attempt: Attempt | undefined, ended: Ended): Outcome {
  const { usage, source } = settledUsage(call, attempt, ended)
  const price = call.deployment.price
  const isHit = call.cached !== undefined
  const cost = usage === undefined || isHit ? ZERO : priced(price, usage, call.arrival.arrivedAtMs)
  const endedAtMs = nowMs()
  const end: CallEnd = {
    ending: ended.ending,
    httpStatus: ended.httpStatus,
    endedAtMs,
    deployment: call.deployment.facts,
    attempts: call.attempts,
    providerStartedAtMs: attempt?.startedAtMs,
    firstContentAtMs: attempt?.firstContentAtMs,
    providerEndedAtMs: attempt === undefined || attempt.endedAtMs === 0 ? undefined : attempt.endedAtMs,
    usage,
    usageSource: source,
    cost,
    priced: isHit || price !== undefined,
    error: ended.error,
    cache: cacheFacts(call),
    responseModel: attempt?.tap?.responseModel ?? attempt?.answer?.responseModel,
    finishReason: attempt?.tap?.finishReason ?? attempt?.answer?.finishReason,
    content: contentOf(call, ended),
    requestBody: call.settings.storePrompts ? call.members.body : undefined,
    responseBody: call.settings.storePrompts ? ended.kept?.body : undefined,
  }
  if (call.arrival.endpoint.dialect.unbilled) queueMicrotask(call.onEndJournaled.bind(call))
  else call.gateway.ledger.settle(call.start, end, call)
  count(call, end, cost)
  return { cost, usage, usageSource: source, error: ended.error, endedAtMs, end }
}

/** Held only where traces may hold contents: a cached answer was read and written by another call. */
function contentOf(call: Call, { kept }: Ended): CallContent | undefined {
  return call.holdsContent ? { request: call.members.body, answer: kept?.body } : undefined
}

/** After the ledger: what only counts may not keep a call from being booked, or its client waiting. */
function count(call: Call, end: CallEnd, cost: Picodollars): void {
  const { observer } = call.gateway
  try {
    if (cost !== ZERO) countSpend(call, cost)
  } catch (error) {
    observer.reportFailed('spend', error)
  }
  try {
    settleLimits(call, end, cost)
  } catch (error) {
    observer.reportFailed('limits', error)
  }
}

/** Metrics, log line and alerts of a call: its client does not wait for them. */
export function report(call: Call, { end, cost }: Outcome): void {
  const { observer } = call.gateway
  observer.callSettled(call.start, end)
  try {
    if (cost !== ZERO) watchBudgets(call)
  } catch (error) {
    observer.reportFailed('alerts', error)
  }
}

function countSpend({ gateway, scopes, deployment }: Call, cost: Picodollars): void {
  gateway.identity.recordSpend(scopes, cost)
  gateway.identity.recordSpend(deployment.scopes, cost)
}

/** Gives back what was reserved, and counts what was used. */
function settleLimits(call: Call, end: CallEnd, cost: Picodollars): void {
  const { limits } = call.gateway
  const { usage } = end
  const tokens = usage === undefined ? 0 : limits.tokensOf(usage)
  for (const reservation of call.reservations) reservation.settle(tokens, cost)
  if (usage !== undefined && end.usageSource === 'provider')
    limits.learn(call.modelGroup, completionTokens(usage))
}

function watchBudgets({ gateway, start, scopes, deployment }: Call): void {
  gateway.alerts.spent(scopes, start.caller)
  gateway.alerts.spent(deployment.scopes, start.caller)
}

function priced(price: ModelPrice | undefined, usage: Usage, atMs: number): Picodollars {
  return price === undefined ? ZERO : costOf(price, usage, atMs)
}

interface SettledUsage {
  readonly usage: Usage | undefined
  readonly source: CallEnd['usageSource']
}

const UNUSED: SettledUsage = { usage: undefined, source: 'none' }

function settledUsage(call: Call, attempt: Attempt | undefined, ended: Ended): SettledUsage {
  if (call.arrival.endpoint.dialect.unbilled) return UNUSED
  const tap = attempt?.tap
  const told = ended.usage ?? tap?.usage
  const whole = isSuccess(ended.ending) && (tap === undefined ? ended.usage !== undefined : tap.finished)
  if (told !== undefined && whole) return { usage: told, source: 'provider' }
  if (attempt === undefined || !mayBeBilled(ended.providerEnding ?? ended.ending, attempt)) return UNUSED
  const outputBytes = tap?.outputBytes ?? (ended.ending === 'complete' ? answerBytes(call, attempt) : 0)
  const usage =
    told === undefined
      ? estimatedUsage(call.bodyLength, outputBytes)
      : completed(told, outputBytes, tap?.outputBytesTold ?? 0)
  return { usage, source: 'estimated' }
}

/** Whether a provider that gave no usage has probably done (and bills) work. A refusal or a dead connection has not. */
function mayBeBilled(ending: Ending, attempt: Attempt): boolean {
  if (attempt.status >= 300) return false
  if (ending === 'complete' || ending === 'client_gone' || ending === 'timeout') return true
  return attempt.firstContentAtMs !== undefined
}

/** Output of a whole answer that tells no usage, at most: vectors are no output that is billed. */
function answerBytes(call: Call, attempt: Attempt): number {
  return call.arrival.endpoint.dialect.name === 'openai-embeddings' ? 0 : attempt.keptBytes
}

/** Usage of a stream that broke off: what the provider had told, and an estimate of the output that came after that. */
function completed(told: Usage, outputBytes: number, toldBytes: number): Usage {
  // Providers that tell usage before any output count a token or two then, which are of the output that follows.
  const missing =
    toldBytes === 0
      ? estimateTokens(outputBytes) - completionTokens(told)
      : estimateTokens(outputBytes - toldBytes)
  return missing <= 0 ? told : { ...NO_USAGE, ...told, outputTokens: told.outputTokens + missing }
}
