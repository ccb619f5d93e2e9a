/** Puts bytes into the framing of a body that comes in chunks (RFC 9112, section 7.1). */

const CR = 13
const LF = 10
/** The bytes of the hex digits. */
const DIGITS = Buffer.from('0123456789abcdef')

/** Framing beside the digits of the size: two line ends. */
const LINE_ENDS = 4

/**
 * A chunk of these bytes, in a buffer of its own. A stream writes one for each event: made of texts, its framing costs
 * as much as all the rest of it.
 *
 * @param bytes at least one, for an empty chunk ends the body.
 */
export function framedChunk(bytes: Buffer): Buffer {
  const { length } = bytes
  let digits = 1
  for (let rest = length >>> 4; rest > 0; rest >>>= 4) digits += 1
  const chunk = Buffer.allocUnsafe(digits + length + LINE_ENDS)
  for (let at = digits - 1, rest = length; at >= 0; at -= 1, rest >>>= 4) chunk[at] = DIGITS[rest & 15] ?? 0
  chunk[digits] = CR
  chunk[digits + 1] = LF
  bytes.copy(chunk, digits + 2)
  chunk[digits + length + 2] = CR
  chunk[digits + length + 3] = LF
  return chunk
}
