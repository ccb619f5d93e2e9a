/** The record of a call's start: what ledger, metrics and log know of it from then on. */
import type { IncomingHttpHeaders } from 'node:http'
import type { RequestFacts } from '../dialects/dialect.ts'
import { objectOf, parseJson } from '../dialects/json-value.ts'
import type { Principal } from '../identity/principal.ts'
import type { CallerFacts, CallStart } from '../record/call-record.ts'
import type { Arrival } from './arrival.ts'
import { headerText } from './answer-headers.ts'
import { knownClient } from './known-clients.ts'

/** Stands for a caller that could not be identified. */
const NOBODY: CallerFacts = {
  keyHash: '',
  keyAlias: undefined,
  userId: undefined,
  userEmail: undefined,
  teamId: undefined,
  teamAlias: undefined,
  organizationId: undefined,
}

/** Longest client-given text that is recorded. */
const MAX_TEXT_LENGTH = 512

/** @param principal undefined for a caller that was not identified, `facts` for a body that could not be read. */
export function callStart(
  arrival: Arrival,
  principal: Principal | undefined,
  facts: RequestFacts | undefined,
): CallStart {
  const { headers } = arrival.exchange
  const caller = principal?.facts ?? NOBODY
  const client = {
    requestedModel: clipped(facts?.model ?? arrival.pathModel) ?? '',
    endUser: clipped(
      headerText(headers['x-litellm-customer-id']) ??
        headerText(headers['x-litellm-end-user-id']) ??
        facts?.endUser,
    ),
    sessionId: clipped(
      headerText(headers['x-litellm-session-id']) ??
        headerText(headers['x-litellm-trace-id']) ??
        facts?.sessionId ??
        headerText(headers['x-claude-code-session-id']) ??
        headerText(headers['session-id']),
    ),
    requesterIp: arrival.requesterIp,
    userAgent: clipped(headers['user-agent']),
  }
  return {
    callId: arrival.callId,
    callType: arrival.endpoint.callType,
    route: arrival.endpoint.route,
    arrivedAtMs: arrival.arrivedAtMs,
    caller,
    requestedModel: client.requestedModel,
    stream: facts?.stream ?? false,
    endUser: client.endUser,
    tags: allTags(principal?.tags ?? [], facts?.tags ?? [], headerText(headers['x-litellm-tags'])),
    sessionId: client.sessionId,
    requesterIp: client.requesterIp,
    userAgent: client.userAgent,
    client: knownClient(caller, client),
    spendLogsMetadata: spendLogsMetadata(headers, facts),
    requestMetadata: facts?.metadata,
    trace: arrival.trace,
  }
}

/**
 * What the client wants to find in the call's row: the header over the body's member, and its own id of the call, which
 * is not the call's id here. A header that cannot be read is shown as such; no call fails for it.
 */
function spendLogsMetadata(
  headers: IncomingHttpHeaders,
  facts: RequestFacts | undefined,
): CallStart['spendLogsMetadata'] {
  const sent = headerText(headers['x-litellm-spend-logs-metadata'])
  const clientCallId = headerText(headers['x-litellm-call-id'])
  if (sent === undefined && clientCallId === undefined) return facts?.spendLogsMetadata
  const named = sent === undefined ? {} : (objectOf(parseJson(sent)) ?? { unreadable: true })
  const own = clientCallId === undefined ? {} : { litellm_call_id: clipped(clientCallId) }
  return { ...facts?.spendLogsMetadata, ...named, ...own }
}

function clipped(text: string | undefined): string | undefined {
  return text === undefined || text.length <= MAX_TEXT_LENGTH ? text : text.slice(0, MAX_TEXT_LENGTH)
}

function allTags(
  own: readonly string[],
  asked: readonly string[],
  header: string | undefined,
): readonly string[] {
  if (header === undefined && asked.length === 0) return own
  const named = header === undefined ? [] : header.split(',').map((tag) => tag.trim())
  return [...new Set([...own, ...asked, ...named])].filter((tag) => tag !== '').slice(0, 100)
}
