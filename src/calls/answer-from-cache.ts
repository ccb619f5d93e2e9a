/** The response cache's part in a call: asked before a provider is, and given what the provider answered. */
import type { CacheQuestion } from '../cache/response-cache.ts'
import type { CachedAnswer } from '../cache/cached-answer.ts'
import type { RequestFacts } from '../dialects/dialect.ts'
import type { JsonMembers } from '../dialects/json-members.ts'
import type { Principal } from '../identity/principal.ts'
import type { CacheFacts } from '../record/call-record.ts'
import type { ModelGroup } from '../routing/deployment.ts'
import { headerText } from './answer-headers.ts'
import type { Arrival } from './arrival.ts'
import type { Attempt } from './attempt.ts'
import type { Call } from './call.ts'
import type { Farewell } from './farewell.ts'
import type { Gateway } from './gateway.ts'
import type { KeptAnswer } from './kept-answer.ts'
import { queryOf } from './send.ts'
import type { Outcome } from './settle.ts'
import { clientHeaders } from './upstream-headers.ts'

/**
 * What the call wants of the cache; undefined when it is none of the cache's.
 * @throws GatewayError `bad_request` for wrong controls, or such as the key may not set.
 */
export function askCache(
  gateway: Gateway,
  arrival: Arrival,
  principal: Principal,
  members: JsonMembers,
  facts: RequestFacts,
  group: ModelGroup,
): CacheQuestion | undefined {
  if (gateway.cache.settings === undefined) return undefined
  const { endpoint, exchange } = arrival
  return gateway.cache.ask({
    caller: principal.facts,
    allowedControls: principal.allowedCacheControls ?? [],
    callType: endpoint.callType,
    dialect: endpoint.dialect,
    members,
    facts,
    group,
    headers: clientHeaders(endpoint.dialect.family, exchange.headers),
    query: queryOf(exchange.url),
  })
}

/** A kept answer as the last that the client hears of its call: a stream comes all at once. */
export function farewellOf({ isStream, contentType, body }: CachedAnswer): Farewell {
  return isStream
    ? { kind: 'stream', tail: body, error: undefined }
    : { kind: 'whole', status: 200, contentType, body }
}

/** What the call's record tells of the cache; undefined when it was not asked. */
export function cacheFacts({ question, cached }: Call): CacheFacts | undefined {
  if (question === undefined || !question.mayFind) return undefined
  return { hit: cached !== undefined, key: question.key }
}

/** Keeps the answer of a provider, once the client has it: only one that is whole, and of a stream only with its usage. */
export function keepAnswer(
  call: Call,
  question: CacheQuestion,
  attempt: Attempt,
  outcome: Outcome,
  answer: KeptAnswer,
): void {
  const { pieces } = answer
  if (pieces === undefined || outcome.error !== undefined || attempt.status !== 200) return
  const isStream = attempt.tap !== undefined
  const usage = outcome.usageSource === 'provider' ? outcome.usage : undefined
  if (isStream && usage === undefined) return
  const contentType = headerText(attempt.headers['content-type']) ?? 'application/json'
  const { modelId } = attempt.deployment.facts
  call.gateway.cache.keep(question, { modelId, isStream, contentType, usage }, pieces)
}
