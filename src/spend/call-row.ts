/**
 * A call as the JSON text of its row in the call log (column names, times in epoch milliseconds): made once, written
 * to the journal and handed to the database as it is. What callers and deployments contribute is made once for each
 * of them.
 */
import type { Usage } from '../dialects/usage.ts'
import { isOwnCallId } from '../record/call-id.ts'
import {
  isSuccess,
  type AttemptFacts,
  type CallEnd,
  type CallerFacts,
  type CallStart,
  type ClientKey,
  type DeploymentFacts,
} from '../record/call-record.ts'
import { inOnePiece } from '../record/in-one-piece.ts'
import { millisecondsText } from '../record/milliseconds-text.ts'
import { overheadMs } from '../telemetry/call-timings.ts'
import { failureStatus } from '../telemetry/failure-status.ts'
import type { StartEstimate } from './ledger.ts'
import { redactSecrets } from './redact-secrets.ts'

/** Longest text of a client in an indexed column: an index entry has to fit a third of a page. */
const MAX_INDEXED_LENGTH = 256
const MAX_TEXT_LENGTH = 1024
const MAX_TAGS = 100
const MAX_METADATA_LENGTH = 32_768
/** PostgreSQL's own limit lies at some thousands of levels; a row beyond it would be refused whole. */
const MAX_DEPTH = 64

/** Prompts and answers as JSON texts, made by `readContent`. */
export interface ContentTexts {
  readonly request: string | undefined
  readonly response: string | undefined
}

const callerTexts = new WeakMap<CallerFacts, string>()
const clientTexts = new WeakMap<ClientKey, string>()
const deploymentTexts = new WeakMap<DeploymentFacts, string>()

/** What the rows of a route have in common, of whole answers and of streams. */
interface RouteTexts {
  readonly logged: boolean
  readonly callType: CallStart['callType']
  readonly whole: string
  readonly stream: string
}

/** Of those that are registered. */
const routeTexts = new Map<string, RouteTexts>()

/**
 * What is known when a call starts: the beginning of both of its rows, without the closing brace.
 *
 * @param logged false for a call that is counted only.
 */
export function startText(start: CallStart, logged: boolean): string {
  return (
    `{"call_id":${idText(start.callId)},"started_ms":${millisecondsText(start.arrivedAtMs)}` +
    routeText(start, logged) +
    clientText(start) +
    tagsText(start.tags) +
    metadataText(start.spendLogsMetadata)
  )
}

/** The row of a call that never ends because the process dies: booked with its estimate. */
export function interruptedRow(
  startOfRow: string,
  start: CallStart,
  deployment: DeploymentFacts,
  estimate: StartEstimate,
): string {
  const atMs = millisecondsText(start.arrivedAtMs)
  return inOnePiece(
    `${startOfRow},"ended_ms":${atMs},"provider_started_ms":${atMs},"status":"failure","ending":"interrupted"` +
      `,"http_status":0,"usage_source":"estimated","priced":${estimate.cost > 0n},"attempt_count":1` +
      deploymentText(deployment) +
      usageText(estimate.usage) +
      `,"picodollars":${estimate.cost}}`,
  )
}

/** The row of a call that has ended. */
export function settledRow(startOfRow: string, start: CallStart, end: CallEnd): string {
  return inOnePiece(
    `${startOfRow},"ended_ms":${millisecondsText(end.endedAtMs)}${timeText(',"completion_started_ms":', end.firstContentAtMs)}` +
      timeText(',"provider_started_ms":', end.providerStartedAtMs) +
      timeText(',"provider_ended_ms":', end.providerEndedAtMs) +
      `,"overhead_ms":${millisecondsText(overheadMs(start, end))}${outcomeText(end)},"picodollars":${end.cost}` +
      (end.deployment === undefined
        ? `,"model":${indexed(start.requestedModel)}`
        : deploymentText(end.deployment)) +
      (end.usage === undefined ? '' : usageText(end.usage)) +
      attemptsText(end) +
      cacheText(end) +
      errorText(end) +
      '}',
  )
}

/** A row with what is to be kept of its call's bodies: for the database only, never for the journal. */
export function rowWithContent(row: string, content: ContentTexts): string {
  return `${row.slice(0, -1)},"request":${content.request ?? 'null'},"response":${content.response ?? 'null'}}`
}

function idText(callId: string): string {
  return isOwnCallId(callId) ? `"${callId}"` : indexed(callId)
}

function routeText({ callType, route, stream }: CallStart, logged: boolean): string {
  let made = routeTexts.get(route)
  if (made?.callType !== callType || made.logged !== logged) {
    const before = `,"logged":${logged},"call_type":"${callType}","route":${text(route)},"stream":`
    made = { logged, callType, whole: inOnePiece(`${before}false`), stream: inOnePiece(`${before}true`) }
    routeTexts.set(route, made)
  }
  return stream ? made.stream : made.whole
}

function clientText(start: CallStart): string {
  const { client } = start
  const known = client === undefined ? undefined : clientTexts.get(client)
  if (known !== undefined) return known
  const made = inOnePiece(
    callerText(start.caller) +
      `,"requested_model":${indexed(start.requestedModel)},"end_user":${indexed(start.endUser)}` +
      `,"session_id":${indexed(start.sessionId)},"requester_ip":${text(start.requesterIp)}` +
      `,"user_agent":${text(withoutKeys(start.userAgent))}`,
  )
  if (client !== undefined) clientTexts.set(client, made)
  return made
}

function callerText(caller: CallerFacts): string {
  const known = callerTexts.get(caller)
  if (known !== undefined) return known
  const made =
    `,"key_hash":${text(caller.keyHash)},"key_alias":${text(caller.keyAlias)},"user_id":${text(caller.userId)}` +
    `,"user_email":${text(caller.userEmail)},"team_id":${text(caller.teamId)}` +
    `,"team_alias":${text(caller.teamAlias)},"organization_id":${text(caller.organizationId)}`
  callerTexts.set(caller, made)
  return made
}

function deploymentText(deployment: DeploymentFacts): string {
  const known = deploymentTexts.get(deployment)
  if (known !== undefined) return known
  const made = inOnePiece(
    `,"model":${indexed(deployment.upstreamModel)},"model_group":${indexed(deployment.modelGroup)}` +
      `,"model_id":${text(deployment.modelId)},"provider":${text(deployment.provider)}` +
      `,"api_base":${text(deployment.apiBase)}`,
  )
  deploymentTexts.set(deployment, made)
  return made
}

/** Classes without tokens are left out: the database takes them as zero. */
function usageText(usage: Usage): string {
  return (
    countText(',"input_tokens":', usage.inputTokens) +
    countText(',"input_audio_tokens":', usage.inputAudioTokens) +
    countText(',"cache_read_tokens":', usage.cacheReadTokens) +
    countText(',"cache_write_5m_tokens":', usage.cacheWrite5mTokens) +
    countText(',"cache_write_1h_tokens":', usage.cacheWrite1hTokens) +
    countText(',"output_tokens":', usage.outputTokens) +
    countText(',"reasoning_tokens":', usage.reasoningTokens) +
    countText(',"output_audio_tokens":', usage.outputAudioTokens) +
    countText(',"web_search_requests":', usage.webSearchRequests) +
    (usage.serviceTier === undefined ? '' : `,"service_tier":${text(usage.serviceTier)}`)
  )
}

/** @param member its name as it stands in the row, in one piece with what is about it. */
function countText(member: string, count: number): string {
  // The comparison is false for NaN too: a count that is no number must not spoil the row.
  return count > 0 ? `${member}${Math.trunc(Math.min(count, Number.MAX_SAFE_INTEGER))}` : ''
}

function timeText(member: string, atMs: number | undefined): string {
  return atMs === undefined ? '' : `${member}${millisecondsText(atMs)}`
}

const SERVED =
  ',"status":"success","ending":"complete","http_status":200,"usage_source":"provider","priced":true'

function outcomeText({ ending, httpStatus, usageSource, priced }: CallEnd): string {
  if (ending === 'complete' && httpStatus === 200 && usageSource === 'provider' && priced) return SERVED
  return (
    `,"status":"${isSuccess(ending) ? 'success' : 'failure'}","ending":"${ending}","http_status":${httpStatus}` +
    `,"usage_source":"${usageSource}","priced":${priced}`
  )
}

/** One attempt that worked says nothing that the row does not say. */
function attemptsText(end: CallEnd): string {
  const { attempts } = end
  if (attempts.length === 0) return ''
  if (attempts.length === 1 && attempts[0]?.errorClass === undefined) return ',"attempt_count":1'
  return `,"attempt_count":${attempts.length},"attempts":[${attempts.map(attemptText).join(',')}]`
}

function attemptText(attempt: AttemptFacts): string {
  return (
    `{"model_id":${text(attempt.deployment.modelId)},"provider":${text(attempt.deployment.provider)}` +
    `,"started_ms":${millisecondsText(attempt.startedAtMs)},"ended_ms":${millisecondsText(attempt.endedAtMs)}` +
    `,"http_status":${attempt.httpStatus ?? 'null'},"error_class":${text(attempt.errorClass)}}`
  )
}

function cacheText({ cache }: CallEnd): string {
  return cache === undefined ? '' : `,"cache_hit":${cache.hit},"cache_key":${text(cache.key)}`
}

function errorText(end: CallEnd): string {
  const { error } = end
  if (error === undefined) return ''
  return (
    `,"error_class":${text(error.errorClass)},"error_status":${failureStatus(end)}` +
    `,"error_provider":${text(error.provider)},"error_message":${text(error.message)}`
  )
}

function tagsText(tags: readonly string[]): string {
  if (tags.length === 0) return ''
  return `,"tags":[${tags.slice(0, MAX_TAGS).map(indexed).join(',')}]`
}

/** User agents are whatever a command line says; now and then that is a key. */
function withoutKeys(value: string | undefined): string | undefined {
  return value === undefined ? undefined : redactSecrets(value)
}

function metadataText(metadata: CallStart['spendLogsMetadata']): string {
  if (metadata === undefined) return ''
  const json = redactSecrets(storableJson(metadata))
  return `,"metadata":${json.length > MAX_METADATA_LENGTH ? '{"truncated":true}' : json}`
}

function indexed(value: string | undefined): string {
  return text(value, MAX_INDEXED_LENGTH)
}

function text(value: string | undefined, maxLength = MAX_TEXT_LENGTH): string {
  if (value === undefined) return 'null'
  const json = JSON.stringify(value.length > maxLength ? value.slice(0, maxLength) : value)
  return json.includes('\\u') ? JSON.stringify(storable(value.slice(0, maxLength))) : json
}

/** PostgreSQL refuses NUL and half surrogate pairs in text. */
export function storable(value: string): string {
  return value.replaceAll('\0', '').toWellFormed()
}

/** A value as JSON that PostgreSQL takes as `jsonb`; a mark instead of one that is nested too deeply for it. */
export function storableJson(value: unknown): string {
  if (isNestedDeeper(value, MAX_DEPTH)) return '{"unreadable":true}'
  const json = JSON.stringify(value) ?? 'null'
  if (!json.includes('\\u')) return json
  return JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member === 'string') return storable(member)
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    return Object.fromEntries(Object.entries(member).map(([name, inner]) => [storable(name), inner]))
  })
}

function isNestedDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((member) => isNestedDeeper(member, levels - 1))
}
