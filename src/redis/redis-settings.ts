/** Where Redis is and how it is spoken to: plain data that the configuration gives. */
import type { Secret } from '../config/secret.ts'

export interface RedisAddress {
  readonly host: string
  readonly port: number
}

export type RedisPlace =
  | { readonly kind: 'single'; readonly address: RedisAddress }
  | {
      readonly kind: 'sentinel'
      readonly sentinels: readonly RedisAddress[]
      /** The name by which the sentinels know the primary. */
      readonly serviceName: string
      readonly sentinelUsername: string | undefined
      readonly sentinelPassword: Secret | undefined
    }
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[] }

export interface RedisTls {
  /** False accepts any certificate. */
  readonly verifyCertificate: boolean
  /** False accepts a certificate for another host name. */
  readonly verifyHostname: boolean
  /** PEM file with the authorities to trust, instead of those of the system. */
  readonly caFile: string | undefined
  /** PEM files by which this client shows who it is. */
  readonly certificateFile: string | undefined
  readonly keyFile: string | undefined
}

export interface RedisSettings {
  readonly place: RedisPlace
  readonly username: string | undefined
  readonly password: Secret | undefined
  /** Number of the database; a cluster has 0 only. */
  readonly database: number
  readonly tls: RedisTls | undefined
  /** Stands before every key, with a colon. */
  readonly namespace: string | undefined
  /** How long one command may take. */
  readonly deadlineMs: number
  /** Missed deadlines in a row after which commands are refused at once. */
  readonly failureThreshold: number
}

export const DEFAULT_DEADLINE_MS = 100
export const DEFAULT_FAILURE_THRESHOLD = 5

/** The address for people: never with a secret. */
export function placeText(place: RedisPlace): string {
  switch (place.kind) {
    case 'single':
      return addressText(place.address)
    case 'sentinel':
      return `${place.serviceName} (by the sentinels ${place.sentinels.map(addressText).join(', ')})`
    case 'cluster':
      return `the cluster of ${place.nodes.map(addressText).join(', ')}`
  }
}

function addressText({ host, port }: RedisAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
