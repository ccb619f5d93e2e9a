/**
 * Members of a request body that are for the gateway, not for the provider: LiteLLM's own parameters, which a strict
 * provider would refuse, and the caller's credentials.
 * Source: spec/litellm-surface.md 3.1, "LiteLLM-specific body params".
 */
import type { MemberEdit } from './dialect.ts'
import type { JsonMembers } from './json-members.ts'
import { objectOf } from './json-value.ts'

const GATEWAY_MEMBERS = [
  'tags',
  'no-log',
  'cache',
  'caching',
  'num_retries',
  'max_retries',
  'timeout',
  'stream_timeout',
  'request_timeout',
  'context_window_fallbacks',
  'content_policy_fallbacks',
  'disable_fallbacks',
  'guardrails',
  'policies',
  'mock_response',
  'drop_params',
  'additional_drop_params',
  'allowed_openai_params',
  'prompt_id',
  'prompt_variables',
  'prompt_version',
  'api_key',
  'api_base',
  'base_url',
  'api_version',
  'custom_llm_provider',
  'user_config',
  'priority',
  'enable_json_schema_validation',
  'fastest_response',
]

/** Members of `metadata` that LiteLLM defines. */
const GATEWAY_METADATA = new Set([
  'tags',
  'spend_logs_metadata',
  'session_id',
  'trace_id',
  'generation_name',
  'requester_metadata',
])

export type Removals = ReadonlyMap<string, MemberEdit>

const NO_EDITS: readonly MemberEdit[] = []

/** The gateway's members and those that a dialect adds to them, ready as edits. */
export function removalsOf(...names: readonly string[]): Removals {
  return new Map([...GATEWAY_MEMBERS, ...names].map((name) => [name, removal(name)]))
}

/** Edits that take the gateway's members out of a body. */
export function removeGatewayMembers(members: JsonMembers, removals: Removals): readonly MemberEdit[] {
  let edits: MemberEdit[] | undefined
  for (const name of members.byName.keys()) {
    const edit =
      name.startsWith('litellm_') || name.startsWith('mock_testing_') ? removal(name) : removals.get(name)
    if (edit !== undefined) {
      edits ??= []
      edits.push(edit)
    }
  }
  return edits ?? NO_EDITS
}

/** OpenAI's `metadata` is a flat map of strings; another shape is LiteLLM's and stays here. */
export function openAiMetadataEdits(members: JsonMembers): readonly MemberEdit[] {
  const metadata = members.value('metadata')
  if (metadata === undefined || metadata === null) {
    return NO_EDITS
  }
  const legal = Object.values(objectOf(metadata) ?? {}).every((value) => typeof value === 'string')
  return legal ? NO_EDITS : [removal('metadata')]
}

/** Anthropic's `metadata` goes up without the members that LiteLLM defines; not at all when nothing else is in it. */
export function anthropicMetadataEdits(members: JsonMembers): readonly MemberEdit[] {
  const metadata = objectOf(members.value('metadata'))
  if (metadata === undefined) {
    return NO_EDITS
  }
  const names = Object.keys(metadata)
  const kept = names.filter((name) => !GATEWAY_METADATA.has(name) && !name.startsWith('user_api_key_'))
  if (kept.length === names.length) {
    return NO_EDITS
  }
  const rest = Object.fromEntries(kept.map((name) => [name, metadata[name]]))
  return [kept.length === 0 ? removal('metadata') : { name: 'metadata', value: JSON.stringify(rest) }]
}

function removal(name: string): MemberEdit {
  return { name, value: undefined }
}
