/**
 * Clients that call again: what they say of themselves is the same from call to call, and whoever makes something of it
 * (rows, log lines, metrics) may keep that by the client's object.
 */
import type { CallerFacts, CallStart, ClientKey } from '../record/call-record.ts'

type ClientFacts = Pick<CallStart, 'requestedModel' | 'endUser' | 'sessionId' | 'requesterIp' | 'userAgent'>

interface KnownClient extends ClientKey, ClientFacts {}

/** More callers than that are begun with anew: knowing them saves little, and what is kept of them is memory. */
const MAX_CALLERS = 1_000

/** The last client of each caller. */
const clients = new Map<CallerFacts, KnownClient>()

/** The object that stands for this client of this caller: the same one as for the caller's last call, if it is the same. */
export function knownClient(caller: CallerFacts, facts: ClientFacts): ClientKey {
  const known = clients.get(caller)
  if (known !== undefined && isSame(known, facts)) return known
  if (known === undefined && clients.size >= MAX_CALLERS) clients.clear()
  const { requestedModel, endUser, sessionId, requesterIp, userAgent } = facts
  const client: KnownClient = { requestedModel, endUser, sessionId, requesterIp, userAgent }
  clients.set(caller, client)
  return client
}

function isSame(known: ClientFacts, facts: ClientFacts): boolean {
  return (
    known.requestedModel === facts.requestedModel &&
    known.endUser === facts.endUser &&
    known.sessionId === facts.sessionId &&
    known.requesterIp === facts.requesterIp &&
    known.userAgent === facts.userAgent
  )
}
