/** The line before the bytes of a chunk, in a body that comes in chunks (RFC 9112, section 7.1). */

/** Events of streams are hardly ever larger. */
const KNOWN_LENGTHS = 1_024

/** A stream writes one for each event: numbers are slow to become hexadecimal. */
const KNOWN_HEADS = Array.from({ length: KNOWN_LENGTHS }, (_, length) => headOf(length))

/** @param length of the bytes, at least one, for an empty chunk ends the body. */
export function chunkHead(length: number): string {
  return KNOWN_HEADS[length] ?? headOf(length)
}

function headOf(length: number): string {
  return `${length.toString(16)}\r\n`
}
