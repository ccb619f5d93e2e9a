/** A database's URL as the driver reads it, and what it says of encryption. */

/** Parameters that other clients of PostgreSQL understand and the driver does not. */
const READ_HERE = [
  'connection_limit',
  'pool_timeout',
  'connect_timeout',
  'socket_timeout',
  'pgbouncer',
  'schema',
]

/** As libpq's `sslmode=require`: encrypted, the certificate not verified. */
export const ENCRYPTED = { rejectUnauthorized: false } as const

/** What the driver makes connections of that are encrypted and verified, whatever a mode says. */
const DECIDES = ['ssl', 'sslcert', 'sslkey', 'sslrootcert']

/**
 * libpq's default, and that of LiteLLM's client: encrypted where the server can, and otherwise not. Managed databases
 * often refuse connections in plain text; a PostgreSQL beside the gateway often has no certificate. Where the URL says
 * nothing, the driver reads `PGSSLMODE`: that decides as well.
 */
export function leavesEncryptionOpen(given: URLSearchParams): boolean {
  if (DECIDES.some((name) => given.has(name))) return false
  const mode = given.get('sslmode') ?? process.env['PGSSLMODE'] ?? 'prefer'
  return mode === 'prefer' || mode === 'allow'
}

/**
 * The URL without what the driver does not know.
 *
 * @param password in place of the one in it: a token that lets in whoever has it, and so never goes out in plain text
 *   because of what a server says.
 */
export function driverUrl(url: URL, password?: string): string {
  const connection = new URL(url)
  if (password !== undefined) connection.password = encodeURIComponent(password)
  for (const name of READ_HERE) connection.searchParams.delete(name)
  if (leavesEncryptionOpen(url.searchParams)) {
    // What stands in the URL would win over what the pool has learnt.
    if (password === undefined) connection.searchParams.delete('sslmode')
    else connection.searchParams.set('sslmode', 'require')
  }
  // `sslmode` as libpq means it: `require` encrypts and does not verify.
  connection.searchParams.set('uselibpqcompat', 'true')
  return connection.href
}
