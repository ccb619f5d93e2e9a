/** What a request asks of the cache: its members `cache` and `caching`. Source: spec/litellm-surface.md 6.3. */
import type { JsonMembers } from '../dialects/json-members.ts'
import { objectOf } from '../dialects/json-value.ts'
import { GatewayError } from '../errors/gateway-error.ts'

export interface CacheControls {
  /** Do not answer from the cache. */
  readonly noCache: boolean
  /** Do not keep the answer. */
  readonly noStore: boolean
  /** How long the answer is kept; undefined for what the configuration says. */
  readonly ttlMs: number | undefined
  /** Answers older than this are not taken. */
  readonly maxAgeMs: number | undefined
  /** Keeps apart what is asked under another name; empty for none. */
  readonly namespace: string
  /** Whether to use the cache at all; undefined for what the configuration says. */
  readonly useCache: boolean | undefined
}

const NO_CONTROLS: CacheControls = {
  noCache: false,
  noStore: false,
  ttlMs: undefined,
  maxAgeMs: undefined,
  namespace: '',
  useCache: undefined,
}

const LONGEST_SECONDS = 31_536_000
const LONGEST_NAMESPACE = 256

/**
 * @param allowed the controls that the key may set (`allowed_cache_controls`); an empty list allows all.
 * @throws GatewayError `bad_request` for a control with a wrong value, or one that the key may not set.
 */
export function readCacheControls(members: JsonMembers, allowed: readonly string[]): CacheControls {
  const whole = readFlag('caching', members.value('caching'))
  const value = members.value('cache') ?? undefined
  if (value === undefined) return whole === undefined ? NO_CONTROLS : { ...NO_CONTROLS, useCache: whole }
  const controls = objectOf(value)
  if (controls === undefined) throw wrong('cache', 'an object such as {"no-cache": true}')
  for (const name in controls) {
    if (allowed.length > 0 && !allowed.includes(name)) throw notAllowed(name, allowed)
  }
  return {
    noCache: readFlag('cache.no-cache', controls['no-cache']) ?? false,
    noStore: readFlag('cache.no-store', controls['no-store']) ?? false,
    ttlMs: readSeconds('cache.ttl', controls['ttl']),
    maxAgeMs: readSeconds('cache.s-maxage', controls['s-maxage'] ?? controls['s-max-age']),
    namespace: readNamespace(controls['namespace']),
    useCache: readFlag('cache.use-cache', controls['use-cache']) ?? whole,
  }
}

function readFlag(name: string, value: unknown): boolean | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'boolean') throw wrong(name, 'true or false')
  return value
}

function readSeconds(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || value < 0 || value > LONGEST_SECONDS)
    throw wrong(name, `a number of seconds from 0 to ${LONGEST_SECONDS}`)
  return value * 1_000
}

function readNamespace(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string' || value.length > LONGEST_NAMESPACE)
    throw wrong('cache.namespace', `a text of at most ${LONGEST_NAMESPACE} characters`)
  return value
}

function wrong(name: string, expected: string): GatewayError {
  return new GatewayError('bad_request', `${name}: expected ${expected}.`, { param: 'cache' })
}

function notAllowed(name: string, allowed: readonly string[]): GatewayError {
  return new GatewayError(
    'bad_request',
    `cache: this key may not set ${JSON.stringify(name.slice(0, 100))}, only ${allowed.join(', ')} ` +
      '(allowed_cache_controls of the key): leave it out, or ask an administrator to allow it.',
    { param: 'cache' },
  )
}
