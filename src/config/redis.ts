/**
 * Which Redis the configuration names. It may be told in four ways, of which the first that names a place counts:
 * `cache_params`, `router_settings.redis_…`, `general_settings.coordination_redis`, and the variables `REDIS_…`. One
 * Redis serves the cache, the limits and the messages between processes.
 */
import { isDeepStrictEqual } from 'node:util'
import type * as z from 'zod'
import {
  DEFAULT_DEADLINE_MS,
  DEFAULT_FAILURE_THRESHOLD,
  placeText,
  type RedisPlace,
  type RedisSettings,
  type RedisTls,
} from '../redis/redis-settings.ts'
import { EnvironmentText, type Environment } from './environment.ts'
import type { KeyPath } from './located.ts'
import { readRedisNodes, readRedisUrl } from './redis-place.ts'
import { cacheStoreName } from './response-cache.ts'
import type { GeneralSettings } from './schema/general-settings.ts'
import type { LitellmSettings } from './schema/litellm-settings.ts'
import { redisArguments, redisArgumentsSchema, type RedisArguments } from './schema/redis-arguments.ts'
import type { RouterSettings } from './schema/router-settings.ts'

export interface RedisProblem {
  readonly severity: 'error' | 'warning'
  /** Where it stands in the file; empty for a variable. */
  readonly path: KeyPath
  /** The variable of the environment that holds it. */
  readonly variable?: string
  readonly message: string
  readonly expected?: string
}

export interface RedisReading {
  /** Undefined where no Redis is in use, and where an error says why. */
  readonly settings: RedisSettings | undefined
  readonly problems: readonly RedisProblem[]
}

interface Sections {
  readonly general_settings: GeneralSettings
  readonly litellm_settings: LitellmSettings
  readonly router_settings: RouterSettings
}

interface Source {
  readonly given: RedisArguments
  /** Where an argument of this source stands. */
  readonly at: (argument: string) => Pick<RedisProblem, 'path' | 'variable'>
}

/** Arguments that name a place, in the order in which they count. */
const PLACES = ['url', 'redis_startup_nodes', 'sentinel_nodes', 'host'] as const

const DEFAULT_PLACE: RedisPlace = { kind: 'single', address: { host: 'localhost', port: 6379 } }

/** Pure: the same sections and environment give the same answer. */
export function readRedis(sections: Sections, environment: Environment): RedisReading {
  const problems: RedisProblem[] = []
  const fromEnvironment = environmentSource(environment, problems)
  const sources = [...fileSources(sections), fromEnvironment]
  const placed = sources.flatMap((source) => {
    const place = placeOf(source, fromEnvironment.given, problems)
    return place === undefined ? [] : [{ source, ...place }]
  })
  const [first, ...others] = placed
  const cacheAsks = sections.litellm_settings.cache && cacheStoreName(sections.litellm_settings) === 'redis'
  if (first === undefined && !cacheAsks && !namesPlace(environment)) {
    // A variable of somebody else's making is no reason to refuse a start that needs no Redis.
    return { settings: undefined, problems: problems.filter(({ variable }) => variable === undefined) }
  }
  for (const other of others) warnOfOther(first, other, fromEnvironment, problems)
  // Arguments beside the place: those of its own source, else of `cache_params`, over those of the environment.
  const own = first?.source ?? (cacheAsks ? cacheSource(sections.litellm_settings) : fromEnvironment)
  const beside = own === fromEnvironment && cacheAsks ? (sections.litellm_settings.cache_params ?? {}) : {}
  const given = { ...fromEnvironment.given, ...present(beside), ...present(own.given), ...first?.fromUrl }
  const place = first?.place ?? DEFAULT_PLACE
  if (place.kind === 'cluster' && (given.db ?? 0) !== 0) {
    problems.push(refusal(own, 'db', 'database 0, the only one of a Redis cluster', 'another'))
  }
  if (problems.some(({ severity }) => severity === 'error')) return { settings: undefined, problems }
  const namespace = sections.litellm_settings.cache_params?.namespace
  return { settings: toSettings(place, given, namespace, environment), problems }
}

function fileSources(sections: Sections): readonly Source[] {
  const { general_settings: general, litellm_settings: litellm, router_settings: router } = sections
  const usesCacheParams = litellm.cache && cacheStoreName(litellm) === 'redis'
  return [
    ...(usesCacheParams ? [cacheSource(litellm)] : []),
    {
      given: {
        ...router.cache_kwargs,
        ...present({
          url: router.redis_url,
          host: router.redis_host,
          port: router.redis_port,
          password: router.redis_password,
          db: router.redis_db,
        }),
      },
      at: (argument) => ({ path: ['router_settings', `redis_${argument}`] }),
    },
    {
      given: general.coordination_redis ?? {},
      at: (argument) => ({ path: ['general_settings', 'coordination_redis', argument] }),
    },
  ]
}

function cacheSource(litellm: LitellmSettings): Source {
  return {
    given: litellm.cache_params ?? {},
    at: (argument) => ({ path: ['litellm_settings', 'cache_params', argument] }),
  }
}

/** Variables with names of their own; every other argument is `REDIS_` and its name. */
const VARIABLES: Readonly<Record<string, string>> = { redis_startup_nodes: 'REDIS_CLUSTER_NODES' }

function variableOf(argument: string): string {
  return VARIABLES[argument] ?? `REDIS_${argument.toUpperCase()}`
}

function namesPlace(environment: Environment): boolean {
  return PLACES.some((argument) => Boolean(environment[variableOf(argument)]))
}

function environmentSource(environment: Environment, problems: RedisProblem[]): Source {
  const at = (argument: string): Pick<RedisProblem, 'path' | 'variable'> => ({
    path: [],
    variable: variableOf(argument),
  })
  const texts: Record<string, EnvironmentText> = {}
  for (const [argument, schema] of Object.entries<z.ZodType>(redisArguments)) {
    const variable = variableOf(argument)
    const value = environment[variable]
    if (!value || isServiceLink(value)) continue
    const text = new EnvironmentText(variable, value)
    const result = schema.safeParse(text)
    if (result.success) texts[argument] = text
    else problems.push(refusal({ at }, argument, result.error.issues[0]?.message ?? '', 'something else'))
  }
  return { given: redisArgumentsSchema.parse(texts), at }
}

/** Kubernetes sets `REDIS_PORT=tcp://10.0.0.1:6379` in every pod beside a service of the name redis. */
function isServiceLink(value: string): boolean {
  return value.startsWith('tcp://')
}

interface Placed {
  readonly place: RedisPlace
  /** What a URL says beside the place. */
  readonly fromUrl?: Pick<RedisArguments, 'username' | 'password' | 'db' | 'ssl'>
}

/** Undefined where the source names no place, and where a problem says what is wrong with it. */
function placeOf(source: Source, fallback: RedisArguments, problems: RedisProblem[]): Placed | undefined {
  const { given } = source
  if (given.url !== undefined) {
    const read = readRedisUrl(given.url.reveal())
    return read ?? refuse(source, 'url', 'a URL such as redis://user:password@host:6379/0', problems)
  }
  if (given.redis_startup_nodes !== undefined) {
    const nodes = readRedisNodes(given.redis_startup_nodes, 6379)
    if (nodes !== undefined) return { place: { kind: 'cluster', nodes } }
    return refuse(source, 'redis_startup_nodes', 'a list like [{"host": "…", "port": 6379}]', problems)
  }
  if (given.sentinel_nodes !== undefined) return sentinelPlace(source, fallback, problems)
  if (!given.host) return undefined
  const port = given.port ?? fallback.port ?? 6379
  return { place: { kind: 'single', address: { host: given.host, port } } }
}

function sentinelPlace(
  source: Source,
  fallback: RedisArguments,
  problems: RedisProblem[],
): Placed | undefined {
  const sentinels = readRedisNodes(source.given.sentinel_nodes, 26_379)
  if (sentinels === undefined) {
    return refuse(source, 'sentinel_nodes', 'a list like [["host", 26379]]', problems)
  }
  const given = { ...fallback, ...present(source.given) }
  if (!given.service_name) {
    return refuse(source, 'service_name', 'the name by which the sentinels know the primary', problems)
  }
  return {
    place: {
      kind: 'sentinel',
      sentinels,
      serviceName: given.service_name,
      sentinelUsername: given.sentinel_username,
      sentinelPassword: given.sentinel_password,
    },
  }
}

function refuse(source: Source, argument: string, expected: string, problems: RedisProblem[]): undefined {
  const found = Object.hasOwn(source.given, argument) ? 'something else' : 'nothing'
  problems.push(refusal(source, argument, expected, found))
}

/** The value itself is not told: it may hold a password. */
function refusal(
  source: Pick<Source, 'at'>,
  argument: string,
  expected: string,
  found: string,
): RedisProblem {
  const message = `expected ${expected}, found ${found}`
  return { severity: 'error', ...source.at(argument), message, expected }
}

/** Variables are a fallback and may name anything; two places in the file are a misunderstanding. */
function warnOfOther(
  first: (Placed & { readonly source: Source }) | undefined,
  other: Placed & { readonly source: Source },
  fromEnvironment: Source,
  problems: RedisProblem[],
): void {
  if (first === undefined || other.source === fromEnvironment) return
  if (isDeepStrictEqual(first.place, other.place)) return
  const argument = PLACES.find((name) => other.source.given[name] !== undefined)
  problems.push({
    severity: 'warning',
    ...other.source.at(argument ?? 'host'),
    message: `is not used: one Redis serves all, and it is ${placeText(first.place)}`,
  })
}

function present<Given extends object>(given: Given): Given {
  // Members without a value must not hide those of a source that comes later.
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Given
}

function toSettings(
  place: RedisPlace,
  given: RedisArguments,
  namespace: string | undefined,
  environment: Environment,
): RedisSettings {
  const deadlineMs = Math.round((given.socket_timeout ?? 0) * 1000)
  const threshold = Number(environment['REDIS_CIRCUIT_BREAKER_FAILURE_THRESHOLD'])
  return {
    place,
    username: given.username || undefined,
    password: given.password?.reveal() ? given.password : undefined,
    database: given.db ?? 0,
    tls: given.ssl === true ? toTls(given) : undefined,
    namespace: namespace || undefined,
    deadlineMs: deadlineMs > 0 ? deadlineMs : DEFAULT_DEADLINE_MS,
    failureThreshold:
      Number.isSafeInteger(threshold) && threshold > 0 ? threshold : DEFAULT_FAILURE_THRESHOLD,
  }
}

function toTls(given: RedisArguments): RedisTls {
  return {
    verifyCertificate: !/none$/i.test(given.ssl_cert_reqs ?? 'required'),
    verifyHostname: given.ssl_check_hostname ?? true,
    caFile: given.ssl_ca_certs,
    certificateFile: given.ssl_certfile,
    keyFile: given.ssl_keyfile,
  }
}

/** True when both mean the same connection, secrets included. */
export function isSameRedis(one: RedisSettings | undefined, other: RedisSettings | undefined): boolean {
  return isDeepStrictEqual(one, other) && isDeepStrictEqual(secretsOf(one), secretsOf(other))
}

function secretsOf(settings: RedisSettings | undefined): readonly (string | undefined)[] {
  const place = settings?.place
  return [
    settings?.password?.reveal(),
    place?.kind === 'sentinel' ? place.sentinelPassword?.reveal() : undefined,
  ]
}
