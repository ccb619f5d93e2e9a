/** Where a request carries its key, and what the key's hash is. */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { GatewayError } from '../errors/gateway-error.ts'

/** Asked after `authorization`, in this order: Azure SDKs, Anthropic SDKs, Google SDKs, Azure API management. */
const KEY_HEADERS = ['api-key', 'x-api-key', 'x-goog-api-key', 'ocp-apim-subscription-key'] as const

/** SigV4 clients put the key where AWS has the access key id. */
const SIGV4_CREDENTIAL = /^AWS4-HMAC-SHA256 .*Credential=(?:Bearer )?(sk-[^/,\s]+)/i

/**
 * Finds the key of a request: the first header that holds one wins.
 *
 * @param keyHeaderName when set, the only header that is asked; lowercase.
 * @throws GatewayError `key_missing` when no header holds a key, `key_malformed` when `authorization` has a scheme
 *   that carries none.
 */
export function readCredential(headers: IncomingHttpHeaders, keyHeaderName: string | undefined): string {
  if (keyHeaderName !== undefined) return onlyFrom(headers, keyHeaderName)
  const own = plainValue(headers['x-litellm-api-key'])
  if (own !== '') return own
  const authorization = headers.authorization
  if (authorization !== undefined && authorization !== '') {
    const credential = fromAuthorization(authorization)
    if (credential !== '') return credential
  }
  for (const name of KEY_HEADERS) {
    const value = plainValue(headers[name])
    if (value !== '') return value
  }
  throw new GatewayError(
    'key_missing',
    'No API key was sent. Send a virtual key as `Authorization: Bearer sk-…` or `x-api-key: sk-…`.',
  )
}

function onlyFrom(headers: IncomingHttpHeaders, name: string): string {
  const value = plainValue(headers[name])
  if (value !== '') return value
  throw new GatewayError('key_missing', `No API key was sent. This gateway reads it from the header ${name}.`)
}

function plainValue(header: string | string[] | undefined): string {
  if (header === undefined) return ''
  const value = typeof header === 'string' ? header : (header[0] ?? '')
  return (hasScheme(value, 'bearer ') ? value.slice(7) : value).trim()
}

function fromAuthorization(value: string): string {
  if (hasScheme(value, 'bearer ')) return value.slice(7).trim()
  if (hasScheme(value, 'basic ')) return value.slice(6).trim()
  const scheme = value.trim().toLowerCase()
  if (scheme === 'bearer' || scheme === 'basic') return ''
  const signed = SIGV4_CREDENTIAL.exec(value)?.[1]
  if (signed !== undefined) return signed
  throw new GatewayError(
    'key_malformed',
    'The Authorization header holds no API key. It must read `Authorization: Bearer sk-…`, with the word Bearer.',
  )
}

function hasScheme(value: string, scheme: string): boolean {
  return value.length >= scheme.length && value.slice(0, scheme.length).toLowerCase() === scheme
}

/** The name under which a key is stored: lowercase hex SHA-256 of the whole key, `sk-` included. */
export function hashCredential(credential: string): string {
  return createHash('sha256').update(credential).digest('hex')
}
