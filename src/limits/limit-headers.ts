/** The headers that tell a client its limits and what is left of them, in the words of LiteLLM and of OpenAI. */
import type { Scope, ScopeKind } from '../record/scope.ts'
import { LIVE_SECONDS } from './minute-window.ts'
import type { ScopeUse } from './limit-store.ts'
import { DESCRIPTORS } from './scope-words.ts'

/** Limits of deployments, providers and the proxy are no client's business; of tags a call may have many. */
const TOLD_KINDS: readonly ScopeKind[] = [
  'key',
  'user',
  'team',
  'team_member',
  'organization',
  'end_user',
  'key_model',
  'team_model',
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
 * @param uses of the scopes, in their order, with this call.
 * @returns names and values, flat.
 */
export function limitHeaders(
  scopes: readonly Scope[],
  uses: readonly ScopeUse[],
  modelGroup: string,
): readonly string[] {
  let list: string[] | undefined
  for (let index = 0; index < scopes.length; index += 1) {
    const scope = scopes[index]
    const use = uses[index]
    if (scope === undefined || use === undefined || !hasRate(scope)) continue
    const names = NAMES.get(scope.kind)
    if (names === undefined) continue
    list ??= []
    appendScope(list, names, scope, use)
    if (scope.kind === 'key') appendKey(list, scope, use)
    if (scope.kind === 'key_model') appendModel(list, scope, use, modelGroup)
  }
  return list ?? NOTHING
}

function hasRate(scope: Scope): boolean {
  return (
    scope.requestsPerMinute !== undefined ||
    scope.tokensPerMinute !== undefined ||
    scope.parallelRequests !== undefined
  )
}

function appendScope(list: string[], names: HeaderNames, scope: Scope, use: ScopeUse): void {
  const { requestsPerMinute, tokensPerMinute, parallelRequests } = scope
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
function appendKey(list: string[], { requestsPerMinute, tokensPerMinute }: Scope, use: ScopeUse): void {
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

function appendModel(list: string[], scope: Scope, use: ScopeUse, modelGroup: string): void {
  const { requestsPerMinute, tokensPerMinute } = scope
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
