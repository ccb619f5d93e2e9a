/** The database's URL from the environment: `DATABASE_URL`, or put together from its parts. */
import type { Environment } from './environment.ts'
import { Secret } from './secret.ts'

/**
 * The URL that the environment gives, or undefined when it names no database. Parts are URL-encoded. A `DATABASE_URL`
 * that is no URL gives way to the parts: charts write user and password into it unencoded.
 */
export function databaseUrlFromEnvironment(environment: Environment): Secret | undefined {
  const url = environment['DATABASE_URL']
  const parts = urlFromParts(environment)
  if (url !== undefined && url !== '' && (parts === undefined || URL.canParse(url))) return new Secret(url)
  return parts === undefined ? undefined : new Secret(parts)
}

function urlFromParts(environment: Environment): string | undefined {
  const host = environment['DATABASE_HOST']
  const name = environment['DATABASE_NAME']
  const user = environment['DATABASE_USERNAME'] ?? environment['DATABASE_USER']
  if (!host || !name || !user) return undefined
  const password = environment['DATABASE_PASSWORD']
  const port = environment['DATABASE_PORT']
  const schema = environment['DATABASE_SCHEMA']
  const credentials = encodeURIComponent(user) + (password ? `:${encodeURIComponent(password)}` : '')
  // LiteLLM's users write the port into the host too.
  const address = port && !/:\d+$/.test(host) ? `${host}:${port}` : host
  const query = schema ? `?schema=${encodeURIComponent(schema)}` : ''
  return `postgresql://${credentials}@${address}/${encodeURIComponent(name)}${query}`
}
