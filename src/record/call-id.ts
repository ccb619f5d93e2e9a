/** Ids of calls. The gateway makes them itself, as UUIDs of version 4 (RFC 9562, section 5.4). */
import { randomFillSync } from 'node:crypto'

const LENGTH = 36
const BYTES = 16
/** Not more: V8 keeps the text of all of them as long as one of them lives. */
const MADE_AT_ONCE = 16
/** Where the digits of each byte stand in a text, of which hyphens take the rest. */
const PLACES = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34)

const random = Buffer.allocUnsafeSlow(MADE_AT_ONCE * BYTES)
const texts = Buffer.alloc(MADE_AT_ONCE * LENGTH, '-')
/** The bytes of the hex digits. */
const HEX = Buffer.from('0123456789abcdef')
let made = ''
let next = 0

/**
 * A new id. Many are made at once, as one text, of which each is a part: alone, one is joined of twenty pieces.
 */
export function newCallId(): string {
  if (next === made.length) {
    made = makeTexts()
    next = 0
  }
  const start = next
  next += LENGTH
  return made.slice(start, next)
}

function makeTexts(): string {
  randomFillSync(random)
  for (let id = 0; id < MADE_AT_ONCE; id += 1) {
    const from = id * BYTES
    random[from + 6] = ((random[from + 6] ?? 0) & 0x0f) | 0x40
    random[from + 8] = ((random[from + 8] ?? 0) & 0x3f) | 0x80
    for (let at = 0; at < BYTES; at += 1) {
      const byte = random[from + at] ?? 0
      const to = id * LENGTH + (PLACES[at] ?? 0)
      texts[to] = HEX[byte >> 4] ?? 0
      texts[to + 1] = HEX[byte & 15] ?? 0
    }
  }
  return texts.toString('latin1')
}

/** 1 for each character of a UUID. */
const DIGITS = new Uint8Array(128)
for (const character of '0123456789abcdef-') DIGITS[character.charCodeAt(0)] = 1

/**
 * Whether an id is one of the gateway's: no client had a say in it, and in JSON it stands as it is. Character by
 * character: by an expression it takes as long as to make the JSON.
 */
export function isOwnCallId(callId: string): boolean {
  if (callId.length !== LENGTH) return false
  for (let at = 0; at < LENGTH; at += 1) if (DIGITS[callId.charCodeAt(at)] !== 1) return false
  return true
}
