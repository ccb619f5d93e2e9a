/** Finds top-level members of a JSON object by one pass over its text, for the relay that has a gateway's duties. */

const QUOTE = 34
const COMMA = 44
const COLON = 58
const BACKSLASH = 92
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d] as const

/** Where a value stands: [start, end). */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * Strings are passed over by a search for their ends, whatever stands in them; what is nested is no member.
 *
 * @param text one character a byte.
 * @returns the wanted members by their places in `wanted`; undefined when one is named twice, or the text is cut short.
 */
export function findMembers(text: string, wanted: readonly string[]): (Span | undefined)[] | undefined {
  const found = wanted.map((): Span | undefined => undefined)
  let depth = 0
  let nameStart = -1
  let nameEnd = -1
  let valueStart = -1
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const end = endOfString(text, at)
      if (end === -1) return undefined
      if (depth === 1 && valueStart === -1) [nameStart, nameEnd] = [at + 1, end]
      at = end
    } else if (code === COLON) {
      if (depth === 1) valueStart = at + 1
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1
    else if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (depth === 1 && valueStart !== -1) {
        const index = wanted.indexOf(nameOf(text, nameStart, nameEnd))
        if (index !== -1 && found[index] !== undefined) return undefined
        if (index !== -1) found[index] = { start: valueStart, end: at }
        valueStart = -1
      }
      if (code !== COMMA) depth -= 1
    }
  }
  return depth === 0 ? found : undefined
}

/** A name may be written with escapes. */
function nameOf(text: string, start: number, end: number): string {
  const name = text.slice(start, end)
  return name.includes('\\') ? String(JSON.parse(`"${name}"`)) : name
}

/** @returns where the quote stands that ends the string; -1 when none does. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1 && text.charCodeAt(end - 1) === BACKSLASH && isEscaped(text, end))
    end = text.indexOf('"', end + 1)
  return end
}

/** Whether the backslash before a quote is not escaped itself. */
function isEscaped(text: string, quote: number): boolean {
  let at = quote - 2
  while (text.charCodeAt(at) === BACKSLASH) at -= 1
  return (quote - at) % 2 === 0
}
