/** Text from outside as a JSON string that is safe on a terminal and in a line-based log. */

/** What JSON may hold raw, but a terminal or a log viewer acts on. */
const STILL_ACTIVE = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

const STILL_ACTIVE_ALL = new RegExp(STILL_ACTIVE, 'g')

/** The JSON string of a text, cut to `maxLength` UTF-16 units; `null` for undefined. */
export function jsonText(value: string | undefined, maxLength = 256): string {
  if (value === undefined) return 'null'
  const json = JSON.stringify(value.length > maxLength ? value.slice(0, maxLength) : value)
  return STILL_ACTIVE.test(json) ? json.replace(STILL_ACTIVE_ALL, escaped) : json
}

/** The text without the pieces that it was joined of, which each line that holds it would have to be joined of again. */
export function madeAnew(text: string): string {
  return Buffer.from(text).toString()
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
