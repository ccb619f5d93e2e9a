/** The headers that tell a client its limits and what is left of them, in the words of LiteLLM and of OpenAI. */
import type { Scope, ScopeKind } from '../record/scope.ts'
import { asksRates } from './admit-message.ts'
import { LIVE_SECONDS } from './minute-window.ts'
import type { ScopeAsk, ScopeUse } from './limit-store.ts'
import { DESCRIPTORS } from './scope-words.ts'

/** Limits of deployments, providers and the proxy are no client's business; of tags a call may have many. */
const TOLD_KINDS: readonly ScopeKind[] = [
  'key',
  'user',
  'team',
  'team_member',
  'organization',
  'organization_member',
  'end_user',
  'key_model',
  'user_model',
  'team_model',
  'team_member_model',
  'organization_model',
  'organization_member_model',
  'end_user_model',
]

interface HeaderNames {
  readonly limitRequests: string
  readonly remainingRequests: string
  readonly limitTokens: string
  readonly remainingTokens: string
  readonly limitParallel: string
  readonly remainingParallel: string
}

const NAMES: ReadonlyMap<ScopeKind, HeaderNames> = new Map(
  TOLD_KINDS.map((kind) => [kind, headerNames(`x-ratelimit-${DESCRIPTORS[kind]}`)]),
)

function headerNames(prefix: string): HeaderNames {
  return {
    limitRequests: `${prefix}-limit-requests`,
    remainingRequests: `${prefix}-remaining-requests`,
    limitTokens: `${prefix}-limit-tokens`,
    remainingTokens: `${prefix}-remaining-tokens`,
    limitParallel: `${prefix}-limit-max_parallel_requests`,
    remainingParallel: `${prefix}-remaining-max_parallel_requests`,
  }
}

/** When the whole of a limit is there again: what was counted just now is the last to leave. */
const RESET = `${LIVE_SECONDS - 1}s`

const NOTHING: readonly string[] = []

/**
 * @param asks what was asked of the scopes, in their order, and `uses` what is used of it, with this call.
 * @returns names and values, flat.
 */
export function limitHeaders(
  scopes: readonly Scope[],
  asks: readonly ScopeAsk[],
  uses: readonly ScopeUse[],
  modelGroup: string,
): readonly string[] {
  let list: string[] | undefined
  for (let index = 0; index < scopes.length; index += 1) {
    const kind = scopes[index]?.kind
    const ask = asks[index]
    const use = uses[index]
    if (kind === undefined || ask === undefined || use === undefined || !asksRates(ask)) continue
    const names = NAMES.get(kind)
    if (names === undefined) continue
    list ??= []
    appendScope(list, names, ask, use)
    if (kind === 'key') appendKey(list, ask, use)
    if (kind === 'key_model') appendModel(list, ask, use, modelGroup)
  }
  return list ?? NOTHING
}

function appendScope(list: string[], names: HeaderNames, ask: ScopeAsk, use: ScopeUse): void {
  const { requestsPerMinute, tokensPerMinute, parallelRequests } = ask
  if (requestsPerMinute !== undefined) {
    list.push(names.limitRequests, String(requestsPerMinute))
    list.push(names.remainingRequests, left(requestsPerMinute, use.requests))
  }
  if (tokensPerMinute !== undefined) {
    list.push(names.limitTokens, String(tokensPerMinute))
    list.push(names.remainingTokens, left(tokensPerMinute, use.tokens))
  }
  if (parallelRequests !== undefined) {
    list.push(names.limitParallel, String(parallelRequests))
    list.push(names.remainingParallel, left(parallelRequests, use.parallel))
  }
}

/** The key's own limits, as OpenAI's clients read them. */
function appendKey(list: string[], { requestsPerMinute, tokensPerMinute }: ScopeAsk, use: ScopeUse): void {
  if (requestsPerMinute !== undefined) {
    const limit = String(requestsPerMinute)
    list.push('x-litellm-key-rpm-limit', limit, 'x-ratelimit-limit-requests', limit)
    list.push('x-ratelimit-remaining-requests', left(requestsPerMinute, use.requests))
    list.push('x-ratelimit-reset-requests', RESET)
  }
  if (tokensPerMinute !== undefined) {
    const limit = String(tokensPerMinute)
    list.push('x-litellm-key-tpm-limit', limit, 'x-ratelimit-limit-tokens', limit)
    list.push('x-ratelimit-remaining-tokens', left(tokensPerMinute, use.tokens))
    list.push('x-ratelimit-reset-tokens', RESET)
  }
}

function appendModel(list: string[], ask: ScopeAsk, use: ScopeUse, modelGroup: string): void {
  const { requestsPerMinute, tokensPerMinute } = ask
  const model = headerNamePart(modelGroup)
  if (requestsPerMinute !== undefined)
    list.push(`x-litellm-key-remaining-requests-${model}`, left(requestsPerMinute, use.requests))
  if (tokensPerMinute !== undefined)
    list.push(`x-litellm-key-remaining-tokens-${model}`, left(tokensPerMinute, use.tokens))
}

/** A model's name within the name of a header: what may not stand there is a hyphen. */
function headerNamePart(modelGroup: string): string {
  return modelGroup.slice(0, 128).replace(/[^\w.-]/g, '-')
}

function left(limit: number, used: number): string {
  return String(Math.max(0, limit - used))
}
