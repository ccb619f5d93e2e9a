/** Makes the connections: what our settings mean to the client library. No command is ever queued or sent twice. */
import { readFileSync } from 'node:fs'
import { createSecureContext, type ConnectionOptions } from 'node:tls'
import { Cluster, type Redis as Client, type RedisOptions } from 'ioredis'
import { GatheringClient } from './gathering-client.ts'
import type { RedisAddress, RedisSettings, RedisTls } from './redis-settings.ts'

export type RedisClient = Client | Cluster

const CONNECT_TIMEOUT_MS = 2_000

/** A connection on which a command stays without an answer for this long is given up for a new one. */
const SILENCE_MS = 2_000

const LONGEST_RETRY_DELAY_MS = 1_000

/** How often a cluster is asked who has which slots: a node that came back is in use again after this time. */
const SLOTS_REFRESH_MS = 2_000

/** Connects in the background, and again for ever. @throws when a certificate file cannot be used. */
export function connectRedis(settings: RedisSettings): RedisClient {
  const options = connectionOptions(settings)
  const { place } = settings
  switch (place.kind) {
    case 'single':
      return new GatheringClient({ ...options, ...place.address })
    case 'sentinel':
      return new GatheringClient({ ...options, ...sentinelOptions(place, options.tls) })
    case 'cluster':
      return connectCluster(place.nodes, options)
  }
}

function connectionOptions(settings: RedisSettings) {
  const { username, password, tls } = settings
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    ...(tls === undefined ? {} : { tls: tlsOptions(tls) }),
    db: settings.database,
    connectionName: 'sluice',
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // A lost connection fails its commands at once instead of keeping them.
    maxRetriesPerRequest: 0,
    retryStrategy: retryDelayMs,
    // A primary that became a replica: the next connection finds the new primary.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions
}

/** Doubles from 50 ms; the random part keeps pods from coming back all at once. */
function retryDelayMs(attempt: number): number {
  const delayMs = Math.min(50 * 2 ** Math.min(attempt - 1, 10), LONGEST_RETRY_DELAY_MS)
  return delayMs * (0.75 + Math.random() / 4)
}

function sentinelOptions(
  place: Extract<RedisSettings['place'], { kind: 'sentinel' }>,
  tls: ConnectionOptions | undefined,
) {
  const { sentinels, serviceName, sentinelUsername, sentinelPassword } = place
  return {
    sentinels: [...sentinels],
    name: serviceName,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword: sentinelPassword.reveal() }),
    ...(tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tls }),
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
    sentinelRetryStrategy: retryDelayMs,
  } satisfies RedisOptions
}

function connectCluster(
  nodes: readonly RedisAddress[],
  options: ReturnType<typeof connectionOptions>,
): Cluster {
  const { retryStrategy: _retryStrategy, enableOfflineQueue: _enableOfflineQueue, ...redisOptions } = options
  return new Cluster([...nodes], {
    redisOptions,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryDelayMs,
    clusterNodeRetryStrategy: retryDelayMs,
    // A command fails at once rather than waiting for a failover that takes longer than its deadline.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    // Certificates are made for the names of nodes: looked up here, they would become addresses.
    ...(options.tls === undefined ? {} : { dnsLookup: (name, callback) => callback(null, name) }),
  })
}

function tlsOptions(tls: RedisTls): ConnectionOptions {
  const options: ConnectionOptions = {
    rejectUnauthorized: tls.verifyCertificate,
    ...(tls.verifyHostname ? {} : { checkServerIdentity: () => undefined }),
    ...readPem('ca', 'ssl_ca_certs', tls.caFile),
    ...readPem('cert', 'ssl_certfile', tls.certificateFile),
    ...readPem('key', 'ssl_keyfile', tls.keyFile),
  }
  try {
    createSecureContext(options)
  } catch (cause) {
    throw new Error(
      'The TLS files for Redis cannot be used: expected PEM in ssl_ca_certs, ssl_certfile and ssl_keyfile.',
      { cause },
    )
  }
  return options
}

function readPem(option: 'ca' | 'cert' | 'key', key: string, file: string | undefined): ConnectionOptions {
  if (file === undefined) return {}
  try {
    return { [option]: readFileSync(file) }
  } catch (cause) {
    throw new Error(`The file ${file} that ${key} names for Redis cannot be read.`, { cause })
  }
}
