/** Reads the members of a request that several dialects share: model, stream, bounds, and who it is booked to. */
import { GatewayError } from '../errors/gateway-error.ts'
import type { RequestFacts } from './dialect.ts'
import type { JsonMembers } from './json-members.ts'
import { objectOf, parseJson, textOf, type JsonObject } from './json-value.ts'

/** Facts that each dialect finds in places of its own. */
type OwnFacts = Pick<RequestFacts, 'model' | 'stream' | 'maxOutputTokens' | 'asksStreamUsage' | 'choiceCount'>

const NO_TAGS: readonly string[] = []

/**
 * The model called: the one in the path, where the route has it there, else the member `model`.
 * @throws GatewayError `bad_request` when there is none, or it is not a string.
 */
export function readModel(members: JsonMembers, pathModel: string | undefined): string {
  if (pathModel !== undefined) {
    return pathModel
  }
  const model = members.value('model')
  if (typeof model !== 'string' || model === '') {
    throw wrongType('model', 'the name of a model as a string that is not empty', model)
  }
  return model
}

/** @throws GatewayError `bad_request` when `stream` is neither a boolean nor null. */
export function readStream(members: JsonMembers): boolean {
  const stream = members.value('stream')
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean') {
    throw wrongType('stream', 'true or false', stream)
  }
  return stream === true
}

/**
 * A whole number, such as the client's bound on output tokens: the first of `names` that is there. A negative one,
 * which some hosts take as "no bound", is none.
 * @throws GatewayError `bad_request` when it is not a whole number.
 */
export function readWholeNumber(members: JsonMembers, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const bound = members.value(name)
    if (bound === undefined || bound === null) {
      continue
    }
    if (typeof bound !== 'number' || !Number.isSafeInteger(bound)) {
      throw wrongType(name, 'a whole number', bound)
    }
    return bound < 0 ? undefined : bound
  }
  return undefined
}

/** @throws GatewayError `bad_request` when `stream_options` is neither an object nor null. */
export function readAsksStreamUsage(members: JsonMembers): boolean {
  return readObject(members, 'stream_options')?.['include_usage'] === true
}

/**
 * All facts of a request: those of its dialect, and on whom and what the call is booked to. End user, tags and session
 * are read in LiteLLM's order: `user`, `litellm_metadata.user`, `metadata.user_id`, `safety_identifier`; tags of all
 * places together.
 * @throws GatewayError `bad_request` when one of the members has a wrong type.
 */
export function requestFacts(members: JsonMembers, own: OwnFacts): RequestFacts {
  const metadata = readObject(members, 'metadata')
  const litellmMetadata = readObject(members, 'litellm_metadata')
  const userId = readUserId(textOf(metadata?.['user_id']))
  // Member by member: to copy them takes the runtime ten times as long.
  return {
    model: own.model,
    stream: own.stream,
    maxOutputTokens: own.maxOutputTokens,
    asksStreamUsage: own.asksStreamUsage,
    choiceCount: own.choiceCount,
    endUser:
      readText(members, 'user') ??
      textOf(litellmMetadata?.['user']) ??
      userId.user ??
      readText(members, 'safety_identifier'),
    tags: readTags(members.value('tags'), litellmMetadata, metadata),
    sessionId:
      readText(members, 'litellm_session_id') ??
      readText(members, 'litellm_trace_id') ??
      textOf(litellmMetadata?.['session_id']) ??
      textOf(metadata?.['session_id']) ??
      textOf(litellmMetadata?.['trace_id']) ??
      textOf(metadata?.['trace_id']) ??
      userId.session,
    spendLogsMetadata:
      objectOf(litellmMetadata?.['spend_logs_metadata']) ?? objectOf(metadata?.['spend_logs_metadata']),
    metadata: metadata ?? litellmMetadata,
  }
}

interface UserId {
  readonly user: string | undefined
  readonly session: string | undefined
}

const OLDER_CLAUDE_CODE_ID = /^(user_[0-9a-f]{64})_account_(.*?)_session_(.+)$/

/**
 * `metadata.user_id`. Claude Code packs device, account and session into it (as JSON text; as
 * `user_…_account_…_session_…` in older versions). Taken whole it would be a new end user for every session, so the
 * account, else the device, is the end user.
 */
function readUserId(text: string | undefined): UserId {
  if (text?.startsWith('{') === true) {
    const packed = objectOf(parseJson(text))
    const user = textOf(packed?.['account_uuid']) ?? textOf(packed?.['device_id'])
    if (user !== undefined) {
      return { user, session: textOf(packed?.['session_id']) }
    }
  }
  const older = text?.startsWith('user_') === true ? OLDER_CLAUDE_CODE_ID.exec(text) : null
  return older === null
    ? { user: text, session: undefined }
    : { user: textOf(older[2]) ?? older[1], session: older[3] }
}

function readTags(
  tags: unknown,
  litellmMetadata: JsonObject | undefined,
  metadata: JsonObject | undefined,
): readonly string[] {
  const nested = litellmMetadata?.['tags']
  const nestedOlder = metadata?.['tags']
  if (tags === undefined && nested === undefined && nestedOlder === undefined) {
    return NO_TAGS
  }
  if (tags !== undefined && tags !== null && !Array.isArray(tags)) {
    throw wrongType('tags', 'a list of strings', tags)
  }
  return [...new Set([...stringsOf(tags), ...stringsOf(nested), ...stringsOf(nestedOlder)])]
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : []
}

function readObject(members: JsonMembers, name: string): JsonObject | undefined {
  const value = members.value(name)
  if (value === undefined || value === null) {
    return undefined
  }
  const object = objectOf(value)
  if (object === undefined) {
    throw wrongType(name, 'an object', value)
  }
  return object
}

function readText(members: JsonMembers, name: string): string | undefined {
  const value = members.value(name)
  if (value !== undefined && value !== null && typeof value !== 'string') {
    throw wrongType(name, 'a string', value)
  }
  return textOf(value)
}

function wrongType(name: string, expected: string, found: unknown): GatewayError {
  const kind = Array.isArray(found) ? 'a list' : found === null ? 'null' : `a value of type ${typeof found}`
  const told =
    found === undefined ? 'the member is missing' : found === '' ? 'it is empty' : `${kind} was sent`
  return new GatewayError('bad_request', `${name}: expected ${expected}, but ${told}.`, { param: name })
}
