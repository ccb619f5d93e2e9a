/**
 * The simulator's tokens: one is four bytes, of the prompt and of the answer alike, so that both are exact and can be
 * predicted by a test.
 */

export const TOKEN_BYTES = 4

export function tokensOfBytes(bytes: number): number {
  return Math.ceil(bytes / TOKEN_BYTES)
}

/** Words of three letters and a space: each is one token, and none needs escaping in JSON. */
const SENTENCE =
  'You ask and the sim can say all you pay for now one two six ten but not any new odd act was its own and nor did she who let him out see why our old map has got the big sky and red sun set low for you too '

const CORPUS = SENTENCE.repeat(20)

const remembered = new Map<number, string>()

/** Readable text of exactly so many bytes. */
export function textOfBytes(bytes: number): string {
  const known = remembered.get(bytes)
  if (known !== undefined) return known
  const text = CORPUS.repeat(Math.ceil(bytes / CORPUS.length)).slice(0, bytes)
  if (bytes <= 65_536 && remembered.size < 1_000) remembered.set(bytes, text)
  return text
}

/** A part of an answer's text, with the tokens that it carries. */
export interface TextPiece {
  readonly text: string
  readonly tokens: number
}

/**
 * Cuts text into at most `count` pieces at token boundaries, never inside a character.
 * @param bytesBefore output bytes of the blocks before this one: a token may begin there and end here.
 */
export function* cutText(text: string, count: number, bytesBefore: number): Generator<TextPiece> {
  const bytes = Buffer.byteLength(text)
  const isAscii = bytes === text.length
  const buffer = isAscii ? undefined : Buffer.from(text)
  const tokens = tokensOfBytes(bytes)
  const pieces = Math.max(1, Math.min(count, tokens))
  let start = 0
  for (let piece = 1; piece <= pieces && start < bytes; piece += 1) {
    const wanted = piece === pieces ? bytes : Math.floor((tokens * piece) / pieces) * TOKEN_BYTES
    const end = buffer === undefined ? wanted : characterBoundary(buffer, wanted)
    if (end <= start) continue
    yield {
      text: buffer === undefined ? text.slice(start, end) : buffer.toString('utf8', start, end),
      tokens: tokensOfBytes(bytesBefore + end) - tokensOfBytes(bytesBefore + start),
    }
    start = end
  }
}

function characterBoundary(bytes: Buffer, wanted: number): number {
  let end = wanted
  while (end < bytes.length && (bytes.readUInt8(end) & 0xc0) === 0x80) end += 1
  return end
}
