/** What the configuration says to the response cache, in its own terms and units. */
import type { CacheSettings } from '../cache/response-cache.ts'
import type { Config } from '../config/config.ts'
import { CACHED_CALL_TYPES, cachedCallType, cacheStoreName } from '../config/response-cache.ts'
import type { CallType } from '../record/call-record.ts'

const MEGABYTE = 1_048_576

const CALL_TYPES: Readonly<Record<(typeof CACHED_CALL_TYPES)[number], CallType>> = {
  completion: 'acompletion',
  text_completion: 'atext_completion',
  embedding: 'aembedding',
  responses: 'aresponses',
  anthropic_messages: 'anthropic_messages',
}

/** Undefined where answers are not cached. */
export function cacheSettings({
  litellm_settings: litellm,
}: Pick<Config, 'litellm_settings'>): CacheSettings | undefined {
  const kind = cacheStoreName(litellm)
  const params = litellm.cache_params
  const named = params?.supported_call_types ?? CACHED_CALL_TYPES
  // An empty list stands for a Redis that is there for limits alone.
  if (!litellm.cache || kind === undefined || named.length === 0) return undefined
  const defaultSeconds =
    kind === 'local' ? (params?.default_in_memory_ttl ?? 600) : (params?.default_in_redis_ttl ?? 86_400)
  return {
    kind,
    ttlMs: (params?.ttl ?? defaultSeconds) * 1_000,
    callTypes: new Set(
      named
        .map(cachedCallType)
        .filter((name) => name !== undefined)
        .map((name) => CALL_TYPES[name]),
    ),
    onByDefault: params?.mode !== 'default_off',
    scope: params?.scope ?? 'team',
    maxMemoryBytes: (params?.max_memory_mb ?? 100) * MEGABYTE,
  }
}
