/**
 * A call of LiteLLM's log as a row of the call log here. Its cost is in the totals already, so that it is logged and
 * not booked. LiteLLM's prompt tokens hold the cached ones; here the classes are disjoint.
 */
import { hashCredential } from '../identity/credential.ts'
import { redactSecrets } from '../spend/redact-secrets.ts'
import type { CallKey } from '../storage/queries/book-calls.ts'
import { storableJson } from '../spend/call-row.ts'
import { asObject, type SourceRow } from './source-row.ts'

/** Longest texts, as of calls of our own: an index entry has to fit a third of a page. */
const MAX_INDEXED_LENGTH = 256
const MAX_TEXT_LENGTH = 1024
const MAX_TAGS = 100
const MAX_METADATA_LENGTH = 32_768

/** Under which route a kind of call is counted in the roll-up. */
const ROUTES: Readonly<Record<string, string>> = {
  completion: '/v1/chat/completions',
  acompletion: '/v1/chat/completions',
  text_completion: '/v1/completions',
  atext_completion: '/v1/completions',
  embedding: '/v1/embeddings',
  aembedding: '/v1/embeddings',
  responses: '/v1/responses',
  aresponses: '/v1/responses',
  anthropic_messages: '/v1/messages',
}

/** What the call is known by here. */
export function callKey(row: SourceRow): CallKey {
  return { callId: indexed(row.text('request_id')) ?? '', startedAtMs: row.momentMs('startTime') ?? 0 }
}

/** @returns the JSON text that `logCalls` takes. */
export function callText(row: SourceRow): string {
  const metadata = row.object('metadata')
  const { callId, startedAtMs: startedMs } = callKey(row)
  return JSON.stringify({
    call_id: callId,
    started_ms: startedMs,
    ended_ms: Math.max(row.momentMs('endTime') ?? startedMs, startedMs),
    completion_started_ms: row.momentMs('completionStartTime'),
    logged: true,
    call_type: indexed(row.text('call_type')) ?? '',
    route: ROUTES[row.key('call_type')] ?? '',
    stream: isStream(row),
    key_hash: keyHash(row.key('api_key')),
    key_alias: textOf(metadata['user_api_key_alias']),
    user_id: indexed(row.name('user')),
    user_email: textOf(metadata['user_api_key_user_email']),
    team_id: indexed(row.name('team_id')),
    team_alias: textOf(metadata['user_api_key_team_alias']),
    organization_id: indexed(row.name('organization_id') ?? textOf(metadata['user_api_key_org_id'])),
    end_user: indexed(row.name('end_user')),
    session_id: indexed(row.name('session_id')),
    requester_ip: textOf(row.name('requester_ip_address')),
    user_agent: withoutKeys(metadata['user_agent']),
    tags: row
      .list('request_tags')
      .filter((tag) => typeof tag === 'string')
      .slice(0, MAX_TAGS)
      .map(indexed),
    metadata: spendLogsMetadata(metadata['spend_logs_metadata']),
    attempt_count: 1 + numberOf(metadata['attempted_retries']),
    overhead_ms: numberOf(metadata['litellm_overhead_time_ms']),
    ...modelFacts(row),
    ...tokenCounts(row, metadata),
    ...endFacts(row, metadata),
    picodollars: String(row.spend('spend')),
    // LiteLLM does not tell a model without a price from one that costs nothing.
    priced: true,
    usage_source: 'provider',
  })
}

function modelFacts(row: SourceRow) {
  const model = indexed(row.text('model')) ?? ''
  return {
    requested_model: indexed(row.name('model_group')) ?? model,
    model,
    model_group: indexed(row.name('model_group')),
    model_id: textOf(row.name('model_id')),
    provider: textOf(row.name('custom_llm_provider')),
    api_base: textOf(row.name('api_base')),
    cache_hit: row.text('cache_hit') === 'True' ? true : row.text('cache_hit') === 'False' ? false : null,
    cache_key: row.text('cache_key') === 'Cache OFF' ? null : textOf(row.name('cache_key')),
  }
}

function tokenCounts(row: SourceRow, metadata: Readonly<Record<string, unknown>>) {
  const usage = asObject(metadata['usage_object'])
  const further = asObject(metadata['additional_usage_values'])
  const prompt = Math.max(row.whole('prompt_tokens') ?? 0, 0)
  const completion = Math.max(row.whole('completion_tokens') ?? 0, 0)
  const promptDetails = asObject(usage['prompt_tokens_details'])
  const cacheRead = Math.min(
    prompt,
    numberOf(further['cache_read_input_tokens']) ||
      numberOf(usage['cache_read_input_tokens']) ||
      numberOf(promptDetails['cached_tokens']),
  )
  const cacheWrite = Math.min(
    prompt - cacheRead,
    numberOf(further['cache_creation_input_tokens']) || numberOf(usage['cache_creation_input_tokens']),
  )
  const reasoning = Math.min(
    completion,
    numberOf(asObject(usage['completion_tokens_details'])['reasoning_tokens']),
  )
  return {
    input_tokens: prompt - cacheRead - cacheWrite,
    cache_read_tokens: cacheRead,
    cache_write_5m_tokens: cacheWrite,
    output_tokens: completion - reasoning,
    reasoning_tokens: reasoning,
  }
}

function endFacts(row: SourceRow, metadata: Readonly<Record<string, unknown>>) {
  const status = row.name('status') ?? textOf(metadata['status'])
  if (status !== 'failure') return { status: 'success', ending: 'complete', http_status: 200 }
  const error = asObject(metadata['error_information'])
  const code = Number(error['error_code'])
  const httpStatus = code >= 400 && code <= 599 ? Math.trunc(code) : 500
  const provider = textOf(error['llm_provider'])
  return {
    status: 'failure',
    ending: provider === null || provider === '' ? 'refused' : 'provider_error',
    http_status: httpStatus,
    error_class: textOf(error['error_class']),
    error_status: httpStatus,
    error_provider: provider,
    error_message: withoutKeys(error['error_message']),
  }
}

/** LiteLLM does not say; only a stream has its first content before its end. */
function isStream(row: SourceRow): boolean {
  const first = row.momentMs('completionStartTime')
  return first !== null && first < (row.momentMs('endTime') ?? first)
}

/** Refused calls may have left what they were sent as their key. */
function keyHash(apiKey: string): string {
  return apiKey === '' || /^[0-9a-f]{64}$/.test(apiKey) ? apiKey : hashCredential(apiKey)
}

function spendLogsMetadata(value: unknown): unknown {
  const object = asObject(value)
  if (Object.keys(object).length === 0) return null
  const json = redactSecrets(storableJson(object))
  return json.length > MAX_METADATA_LENGTH ? { truncated: true } : (JSON.parse(json) as unknown)
}

function withoutKeys(value: unknown): string | null {
  const text = textOf(value)
  return text === null ? null : redactSecrets(text)
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT_LENGTH) : null
}

function indexed(value: string | null): string | null {
  return value === null ? null : value.slice(0, MAX_INDEXED_LENGTH)
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && value > 0 && Number.isFinite(value) ? Math.trunc(value) : 0
}
