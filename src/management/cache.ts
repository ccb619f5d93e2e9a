/** `/cache/ping`, `/cache/delete` and `/cache/flushall`: whether the response cache works, and away with what it keeps. */
import { z } from 'zod'
import type { CacheSettings } from '../cache/response-cache.ts'
import { parseInput, type ManagementRoute } from './route.ts'
import type { ManagementServices } from './services.ts'

/** As the header `x-litellm-cache-key` tells them; a namespace before a key is read over. */
const KEY = /^(?:.*:)?([0-9a-f]{64})$/s

const deleteInput = z.object({
  keys: z
    .array(z.string().regex(KEY, 'expected a key as the header x-litellm-cache-key tells it'), {
      error: 'expected a list of keys',
    })
    .min(1)
    .max(10_000),
})

const DONE = { status: 'success' }

export function cacheRoutes(services: Pick<ManagementServices, 'cache'>): readonly ManagementRoute[] {
  return [
    {
      method: 'GET',
      path: '/cache/ping',
      handle: async () => {
        await services.cache.ping()
        return pingAnswer(services.cache.settings)
      },
    },
    {
      method: 'POST',
      path: '/cache/delete',
      handle: async ({ body }) => {
        const { keys } = parseInput(deleteInput, body ?? {})
        await services.cache.delete(keys.map((key) => key.slice(-64)))
        return DONE
      },
    },
    {
      method: 'POST',
      path: '/cache/flushall',
      handle: async () => {
        await services.cache.clear()
        return DONE
      },
    },
  ]
}

function pingAnswer(settings: CacheSettings | undefined) {
  return {
    status: 'healthy',
    cache_type: settings?.kind ?? null,
    ping_response: true,
    set_cache_response: 'success',
    litellm_cache_params: JSON.stringify(settings === undefined ? {} : cacheParams(settings)),
    health_check_cache_params: {},
  }
}

/** The settings in force, under the names of `cache_params`. */
function cacheParams(settings: CacheSettings) {
  return {
    type: settings.kind,
    mode: settings.onByDefault ? 'default_on' : 'default_off',
    ttl: settings.ttlMs / 1_000,
    supported_call_types: [...settings.callTypes],
    scope: settings.scope,
  }
}
