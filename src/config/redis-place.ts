/** Reads the forms in which a place of Redis is written: URLs, and lists of nodes as YAML or as JSON in a variable. */
import type { RedisAddress, RedisPlace } from '../redis/redis-settings.ts'
import type { RedisArguments } from './schema/redis-arguments.ts'
import { Secret } from './secret.ts'
import type { ParameterValue } from './setting.ts'

export interface PlaceByUrl {
  readonly place: RedisPlace
  readonly fromUrl: Pick<RedisArguments, 'username' | 'password' | 'db' | 'ssl' | 'ssl_cert_reqs'>
}

const ENCRYPTED: ReadonlyMap<string, boolean> = new Map([
  ['redis:', false],
  ['valkey:', false],
  ['rediss:', true],
  ['valkeys:', true],
])

/** `redis://user:password@host:6379/0`; `rediss://` and `valkeys://` for TLS. Undefined for anything else. */
export function readRedisUrl(text: string): PlaceByUrl | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const isEncrypted = ENCRYPTED.get(url.protocol)
  const database = url.searchParams.get('db') ?? url.pathname.slice(1)
  const [username, password] = [decoded(url.username), decoded(url.password)]
  if (isEncrypted === undefined || url.hostname === '' || !/^\d*$/.test(database)) return undefined
  if (username === undefined || password === undefined) return undefined
  const certificates = url.searchParams.get('ssl_cert_reqs')
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return {
    place: { kind: 'single', address: { host, port: url.port === '' ? 6379 : Number(url.port) } },
    fromUrl: {
      ...(username === '' ? {} : { username }),
      ...(password === '' ? {} : { password: new Secret(password) }),
      ...(database === '' ? {} : { db: Number(database) }),
      ...(isEncrypted ? { ssl: true } : {}),
      ...(certificates === null ? {} : { ssl_cert_reqs: certificates }),
    },
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/**
 * A list of `{host, port}`, `[host, port]` or `"host:port"`, or the same as JSON text.
 *
 * @returns undefined for anything else, and for an empty list.
 */
export function readRedisNodes(
  value: ParameterValue | undefined,
  defaultPort: number,
): readonly RedisAddress[] | undefined {
  const plain = value instanceof Secret || typeof value === 'string' ? parseJson(textOf(value)) : value
  if (!Array.isArray(plain) || plain.length === 0) return undefined
  const nodes = plain.map((node: unknown) => readNode(node, defaultPort))
  return nodes.every((node) => node !== undefined) ? nodes : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function readNode(node: unknown, defaultPort: number): RedisAddress | undefined {
  if (Array.isArray(node)) return toAddress(node[0], node[1] ?? defaultPort)
  const text = textOf(node)
  if (text !== '') {
    const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text)
    return toAddress(match?.[1] ?? match?.[2], match?.[3] ?? defaultPort)
  }
  if (typeof node !== 'object' || node === null) return undefined
  const host: unknown = 'host' in node ? node.host : undefined
  return toAddress(host, 'port' in node ? node.port : defaultPort)
}

function toAddress(host: unknown, port: unknown): RedisAddress | undefined {
  const [name, number] = [textOf(host), typeof port === 'number' ? port : Number(textOf(port) || Number.NaN)]
  const isPort = Number.isInteger(number) && number >= 1 && number <= 65_535
  return name !== '' && isPort ? { host: name, port: number } : undefined
}

/** Texts from the environment are secret until somebody says what they are. */
function textOf(value: unknown): string {
  if (value instanceof Secret) return value.reveal().trim()
  return typeof value === 'string' ? value.trim() : ''
}
