/** Query parameters as PostgreSQL's text format, by the same rules as the `pg` driver. */

/**
 * Arrays become PostgreSQL arrays and plain objects JSON; a JSON array must be passed as text.
 *
 * @example encodeValue(['a', null]) === '{"a",NULL}'
 */
export function encodeValue(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return `{${value.map(encodeElement).join(',')}}`
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value)
  return JSON.stringify(value)
}

function encodeElement(value: unknown): string {
  if (Array.isArray(value)) return encodeValue(value) ?? 'NULL'
  const text = encodeValue(value)
  if (text === null) return 'NULL'
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
