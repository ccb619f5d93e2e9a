/**
 * Names of headers as text. Answers of a provider have mostly the same headers in the same order: the name that stood
 * at a place last is compared byte by byte, which costs a fifth of making the text anew and looking it up.
 */

interface KnownName {
  /** As it was written. */
  readonly bytes: Uint8Array
  /** In lower case. */
  readonly name: string
}

/** What stood at each place of a head last. */
const last: KnownName[] = []

/** By the text as it was written. Providers choose their headers: what is remembered is bounded. */
const known = new Map<string, KnownName>()
const MAX_KNOWN = 1_000
const MAX_KNOWN_BYTES = 64

/** The name from `start` to `end` in lower case, as the header number `place` of a head. */
export function headerName(bytes: Buffer, start: number, end: number, place: number): string {
  const before = last[place]
  if (before !== undefined && isSame(before.bytes, bytes, start, end)) return before.name
  const text = bytes.toString('latin1', start, end)
  if (end - start > MAX_KNOWN_BYTES) return text.toLowerCase()
  const found = known.get(text) ?? learn(text)
  last[place] = found
  return found.name
}

function learn(text: string): KnownName {
  const learnt = { bytes: Buffer.from(text, 'latin1'), name: text.toLowerCase() }
  if (known.size < MAX_KNOWN) known.set(text, learnt)
  return learnt
}

function isSame(name: Uint8Array, bytes: Buffer, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let at = 0; at < name.length; at += 1) if (name[at] !== bytes[start + at]) return false
  return true
}
