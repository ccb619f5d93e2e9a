/** Headers of an answer as lines of its head, each character of which is known to be allowed there. */

const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/

/** Names that were looked at before. Some are chosen by providers: what is remembered is bounded. */
const sound = new Set<string>()
const MAX_SOUND_NAMES = 1_000

/** Of the lists that many answers share. */
const known = new WeakMap<readonly string[], string>()

/**
 * @param headers names and values in turn.
 * @throws TypeError for a character that HTTP does not allow.
 */
export function answerLines(headers: readonly string[]): string {
  let lines = ''
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? ''
    const value = headers[index + 1] ?? ''
    if (FORBIDDEN.test(value) || !isSound(name))
      throw new TypeError(`header ${JSON.stringify(name)}: a character that HTTP does not allow`)
    lines += `${name}: ${value}\r\n`
  }
  return lines
}

/** The same for a list that does not change and comes again. */
export function sharedAnswerLines(headers: readonly string[]): string {
  let lines = known.get(headers)
  if (lines === undefined) {
    lines = answerLines(headers)
    known.set(headers, lines)
  }
  return lines
}

function isSound(name: string): boolean {
  if (sound.has(name)) return true
  if (FORBIDDEN.test(name)) return false
  if (sound.size < MAX_SOUND_NAMES) sound.add(name)
  return true
}
