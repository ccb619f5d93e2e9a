/**
 * Texts with blanks, for the relay that has a gateway's duties: all that is known before a call is bytes that are copied,
 * and what is of the call is written into its blanks as digits. No text is made on the way.
 */

/** Bytes of each kind of blank. What is shorter is preceded by spaces, which JSON and HTTP pass over. */
const WIDTHS = {
  id: 36,
  /** Epoch milliseconds with three decimals. */
  time: 17,
  /** Milliseconds with three decimals. */
  ms: 12,
  count: 9,
  picodollars: 15,
  /** Dollars with twelve decimals. */
  dollars: 21,
  iso: 24,
  date: 29,
  /** A JSON string that is followed by spaces. */
  word: 20,
} as const

const ZERO = 48
const POINT = 46
const DOLLAR = 1_000_000_000_000

/** A text in which `<name:kind>` stands for a blank. */
export class Form<Name extends string> {
  readonly bytes: Buffer
  /** Where each blank ends. */
  readonly ends: Readonly<Record<Name, number>>

  constructor(text: string) {
    const ends: Record<string, number> = {}
    let plain = ''
    let from = 0
    for (const { 0: mark, 1: name = '', 2: kind, index } of text.matchAll(/<(\w+):(\w+)>/g)) {
      plain += text.slice(from, index) + ' '.repeat(widthOf(kind))
      ends[name] = plain.length
      from = index + mark.length
    }
    this.bytes = Buffer.from(plain + text.slice(from), 'latin1')
    // Whoever writes the text names its blanks.
    this.ends = ends as Record<Name, number>
  }
}

function widthOf(kind: string | undefined): number {
  for (const [name, width] of Object.entries(WIDTHS)) if (name === kind) return width
  throw new Error(`no blank is a ${kind}`)
}

/** Writes a whole number that ends before `end`. @returns where it begins. */
export function putCount(buffer: Buffer, end: number, value: number): number {
  if (value >= 1_000_000_000) {
    const high = Math.floor(value / 1_000_000)
    return putCount(buffer, putDigits(buffer, end, 6, value - high * 1_000_000), high)
  }
  let at = end
  let left = value | 0
  do {
    const rest = (left / 10) | 0
    buffer[(at -= 1)] = ZERO + left - rest * 10
    left = rest
  } while (left > 0)
  return at
}

/** So many digits, with zeros in front. */
function putDigits(buffer: Buffer, end: number, digits: number, value: number): number {
  let left = value | 0
  for (let at = end - 1; at >= end - digits; at -= 1) {
    const rest = (left / 10) | 0
    buffer[at] = ZERO + left - rest * 10
    left = rest
  }
  return end - digits
}

export function putMs(buffer: Buffer, end: number, ms: number): void {
  const micros = Math.round(ms * 1_000)
  const whole = Math.floor(micros / 1_000)
  const at = putDigits(buffer, end, 3, micros - whole * 1_000) - 1
  buffer[at] = POINT
  putCount(buffer, at, whole)
}

/** @returns where it begins. */
export function putDollars(buffer: Buffer, end: number, dollars: number, picodollars: number): number {
  const micros = Math.floor(picodollars / 1_000_000)
  const at = putDigits(buffer, putDigits(buffer, end, 6, picodollars - micros * 1_000_000), 6, micros) - 1
  buffer[at] = POINT
  return putCount(buffer, at, dollars)
}

/** What is spent, exact to the picodollar for any sum: a number alone is exact up to some thousand dollars. */
export class Spent {
  dollars = 0
  picodollars = 0

  /** @param picodollars of a call: a whole number that is exact. */
  add(picodollars: number): void {
    const sum = this.picodollars + picodollars
    const more = Math.floor(sum / DOLLAR)
    this.dollars += more
    this.picodollars = sum - more * DOLLAR
  }
}
