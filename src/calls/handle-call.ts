/** The life of a model call, stage by stage. What each stage does stands in the file of its name. */
import { scanMembers } from '../dialects/index.ts'
import type { RequestFacts } from '../dialects/dialect.ts'
import type { Principal } from '../identity/principal.ts'
import type { Scope } from '../record/scope.ts'
import { admit } from './admit.ts'
import { askCache } from './answer-from-cache.ts'
import { noteStage, type Arrival } from './arrival.ts'
import { HeldBody } from './body-room.ts'
import { Call } from './call.ts'
import { callStart } from './call-start.ts'
import type { Gateway } from './gateway.ts'
import { readBody } from './read-body.ts'
import { refuse } from './refuse.ts'
import { takePlace, takePlaceOfHit } from './reserve.ts'

/** Counting tokens costs nothing and is not limited. */
const NO_SCOPES: readonly Scope[] = []

/**
 * Takes a call from its arrival to the start of its first attempt; from there the `Call` goes on by itself. Never
 * rejects: whatever goes wrong is told to the client in its dialect.
 */
export async function handleCall(gateway: Gateway, arrival: Arrival): Promise<void> {
  let principal: Principal | undefined
  let facts: RequestFacts | undefined
  const held = new HeldBody(gateway.bodyRoom)
  try {
    // identify
    const identified = gateway.identity.authenticate(arrival.exchange.headers)
    principal = identified instanceof Promise ? await identified : identified
    gateway.identity.authorizeRoute(principal, 'POST', arrival.endpoint.route)
    noteStage(arrival, 'identifiedAtMs')
    // read
    const reading = readBody(arrival.exchange, gateway.settings, held)
    const body = reading instanceof Promise ? await reading : reading
    // One that came packed is larger now.
    held.growTo(body.length)
    const members = scanMembers(body)
    facts = arrival.endpoint.dialect.readRequest(members, arrival.pathModel)
    noteStage(arrival, 'readAtMs')
    // admit
    const { dialect } = arrival.endpoint
    const admission = admit(gateway, principal, facts, dialect)
    const question = askCache(gateway, arrival, principal, members, facts, admission.group)
    const start = callStart(arrival, principal, facts)
    const counted = dialect.unbilled
      ? NO_SCOPES
      : gateway.identity.callScopes(principal, start.endUser, start.tags, admission.group.name)
    const scopes = counted instanceof Promise ? await counted : counted
    // cache
    if (question !== undefined) noteStage(arrival, 'cacheAskedAtMs')
    const found = question === undefined ? undefined : gateway.cache.find(question)
    const cached = found instanceof Promise ? await found : found
    if (question !== undefined) noteStage(arrival, 'cacheAnsweredAtMs')
    // route
    const { unbilled } = dialect
    const request = { start, facts, bodyLength: members.body.length, unbilled, scopes, admission }
    const taken =
      cached === undefined ? takePlace(gateway, request) : takePlaceOfHit(gateway, request, cached.modelId)
    const place = taken instanceof Promise ? await taken : taken
    noteStage(arrival, 'admittedAtMs')
    // send, relay, settle
    const call = new Call(gateway, arrival, principal, members, held, request, place, question)
    arrival.exchange.watch(call)
    if (cached === undefined) call.begin()
    else call.answerFrom(cached)
  } catch (error) {
    held.letGo()
    refuse(gateway, arrival, principal, facts, error)
  }
}
