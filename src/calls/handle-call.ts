/** The life of a model call, stage by stage. What each stage does stands in the file of its name. */
import type { ServerResponse } from 'node:http'
import { scanMembers } from '../dialects/index.ts'
import type { RequestFacts } from '../dialects/dialect.ts'
import type { Principal } from '../identity/principal.ts'
import { pickDeployment } from '../routing/pick-deployment.ts'
import { admit } from './admit.ts'
import type { Arrival } from './arrival.ts'
import { Call } from './call.ts'
import { callStart } from './call-start.ts'
import type { Gateway } from './gateway.ts'
import { readBody } from './read-body.ts'
import { refuse } from './refuse.ts'

/**
 * Takes a call from its arrival to the start of its first attempt; from there the `Call` goes on by itself. Never
 * rejects: whatever goes wrong is told to the client in its dialect.
 */
export async function handleCall(gateway: Gateway, arrival: Arrival): Promise<void> {
  let principal: Principal | undefined
  let facts: RequestFacts | undefined
  try {
    // identify
    const identified = gateway.identity.authenticate(arrival.request.headers)
    principal = identified instanceof Promise ? await identified : identified
    gateway.identity.authorizeRoute(principal, 'POST', arrival.endpoint.route)
    // read
    const members = scanMembers(await readBody(arrival.request, gateway.settings))
    facts = arrival.endpoint.dialect.readRequest(members, arrival.pathModel)
    // admit
    const admission = admit(gateway, principal, facts, arrival.endpoint.dialect)
    // route
    const first = pickDeployment(admission.candidates, [], Math.random())
    if (first === undefined) throw new Error(`model group ${admission.group.name} has no deployment`)
    // send, relay, settle
    const start = callStart(arrival, principal, facts)
    const call = new Call(gateway, arrival, principal, members, facts, start, admission, first)
    watchClient(arrival.response, call)
    call.begin()
  } catch (error) {
    refuse(gateway, arrival, principal, facts, error)
  }
}

/** The call of a response, found by the listeners below without a closure for each call. */
const CALL = Symbol('call')

type CallResponse = ServerResponse & { [CALL]?: Call }

function watchClient(response: CallResponse, call: Call): void {
  response[CALL] = call
  response.on('close', onClose)
  response.on('drain', onDrain)
  if (response.destroyed) call.clientClosed()
}

function onClose(this: CallResponse): void {
  if (!this.writableFinished) this[CALL]?.clientClosed()
}

function onDrain(this: CallResponse): void {
  this[CALL]?.clientDrained()
}
