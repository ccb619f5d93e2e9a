/** Words of the response cache's settings, and warnings of those by which nothing is cached. Never an error: calls go on. */
import { nodeAt } from './located.ts'
import { nearestName } from './nearest-name.ts'
import type { LitellmSettings } from './schema/litellm-settings.ts'
import type { SectionReader } from './section-reader.ts'

/** Who may get the answer to a call. */
export const CACHE_SCOPES = ['key', 'team', 'organization', 'all'] as const
export type CacheScope = (typeof CACHE_SCOPES)[number]

/** Where answers are kept. */
export const CACHE_STORES = ['local', 'redis'] as const
export type CacheStoreName = (typeof CACHE_STORES)[number]

const STORES_NOT_IN_FORCE: readonly string[] = [
  's3',
  'gcs',
  'azure-blob',
  'disk',
  'redis-semantic',
  'valkey-semantic',
  'qdrant-semantic',
]

/** Names of `supported_call_types`, without LiteLLM's `a` for asynchronous calls, each with the route that it stands for. */
export const CACHED_CALL_TYPES = [
  'completion',
  'text_completion',
  'embedding',
  'responses',
  'anthropic_messages',
] as const

const CALL_TYPES_NOT_IN_FORCE: readonly string[] = ['transcription', 'rerank']

const PATH = ['litellm_settings', 'cache_params'] as const

/** The store that the settings name; undefined for one that there is none of. LiteLLM's own default is Redis. */
export function cacheStoreName(settings: LitellmSettings): CacheStoreName | undefined {
  const name = settings.cache_params?.type ?? 'redis'
  return CACHE_STORES.find((store) => store === name)
}

/** A call type as LiteLLM writes it, with or without the `a`; undefined for one that is not cached. */
export function cachedCallType(name: string): (typeof CACHED_CALL_TYPES)[number] | undefined {
  return CACHED_CALL_TYPES.find((type) => name === type || name === `a${type}`)
}

export function warnOfCache(reader: SectionReader, settings: LitellmSettings): void {
  if (!settings.cache) return
  warnOfStore(reader, settings)
  for (const [index, name] of (settings.cache_params?.supported_call_types ?? []).entries()) {
    if (cachedCallType(name) === undefined) warnOfCallType(reader, index, name)
  }
}

function warnOfStore(reader: SectionReader, settings: LitellmSettings): void {
  const name = settings.cache_params?.type
  if (name === undefined || cacheStoreName(settings) !== undefined) return
  const path = [...PATH, 'type']
  const isKnown = STORES_NOT_IN_FORCE.includes(name)
  reader.report(
    'warning',
    isKnown ? 'not_in_force' : 'unknown_key',
    path,
    `the cache ${reader.quote(path, name)} is ${isKnown ? 'not in force yet' : 'not known'}: answers are not cached`,
    { expected: 'local or redis' },
  )
}

function warnOfCallType(reader: SectionReader, index: number, name: string): void {
  const path = [...PATH, 'supported_call_types', index]
  const known = CALL_TYPES_NOT_IN_FORCE.some((type) => name === type || name === `a${type}`)
  const nearest = nearestName(name, new Set(CACHED_CALL_TYPES))
  reader.report(
    'warning',
    known ? 'not_in_force' : 'unknown_key',
    nodeAt(reader.root, path) === undefined ? path.slice(0, -1) : path,
    `calls of the type ${reader.quote(path, name)} are not cached`,
    {
      expected: CACHED_CALL_TYPES.join(', '),
      hint: known || nearest === undefined ? undefined : `did you mean "${nearest}"?`,
    },
  )
}
