/**
 * JSON's grammar over the text of a body: where a value ends that begins at an offset. The functions take and return
 * offsets; none recurses, and none allocates unless it throws.
 */
import { GatewayError } from '../errors/gateway-error.ts'
import type { BodyText } from './body-text.ts'

/** Levels of nesting that a body may have; the body's own object is the first. */
export const MAX_DEPTH = 200

const SPACE = 0x20
const QUOTE = 0x22
export const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
export const BACKSLASH = 0x5c
export const OPEN_BRACE = 0x7b
export const CLOSE_BRACE = 0x7d
/** `}` stands this far behind `{` in ASCII, and `]` behind `[`. */
const OPEN_TO_CLOSE = 2
/** What `codeAt` gives behind the last character. */
const END = -1

/** The open containers of the value under scan, by their opening character. The scan is synchronous: one is enough. */
const open = new Uint8Array(MAX_DEPTH)

/** Returns the offset behind the value that begins at `start`, whatever its kind and depth; without recursion. */
export function endOfValue(text: BodyText, start: number): number {
  const { bytes } = text
  let depth = 1
  let at = start
  for (;;) {
    // A value begins at `at`.
    let code = codeAt(bytes, at)
    if (code === QUOTE) {
      at = endOfString(text, at)
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (depth === MAX_DEPTH) {
        throw refusal(`The request body nests deeper than ${MAX_DEPTH} levels at byte ${at}.`)
      }
      const inner = skipSpace(bytes, at + 1)
      if (codeAt(bytes, inner) !== code + OPEN_TO_CLOSE) {
        open[depth] = code
        depth += 1
        at = code === OPEN_BRACE ? valueAfterName(text, inner) : inner
        continue
      }
      at = inner + 1
    } else {
      at = endOfScalar(text, at, code)
    }
    // A value ended before `at`: close what it closes, up to the next value.
    for (;;) {
      if (depth === 1) {
        return at
      }
      at = skipSpace(bytes, at)
      code = codeAt(bytes, at)
      const opened = open[depth - 1] ?? OPEN_BRACE
      if (code === COMMA) {
        at = skipSpace(bytes, at + 1)
        at = opened === OPEN_BRACE ? valueAfterName(text, at) : at
        break
      }
      if (code !== opened + OPEN_TO_CLOSE) {
        throw unexpected(text, at, opened === OPEN_BRACE ? '"," or "}"' : '"," or "]"')
      }
      depth -= 1
      at += 1
    }
  }
}

/** Takes a member's name, which must begin at `at`, and its colon; returns where the value begins. */
function valueAfterName(text: BodyText, at: number): number {
  return valueAfterColon(text, endOfName(text, at))
}

/** Returns the offset behind the name of a member, which must begin at `at`. */
export function endOfName(text: BodyText, at: number): number {
  if (codeAt(text.bytes, at) !== QUOTE) {
    throw unexpected(text, at, 'a member name in double quotes')
  }
  return endOfString(text, at)
}

/** Takes the colon behind a name that ends at `nameEnd`; returns where the value begins. */
export function valueAfterColon(text: BodyText, nameEnd: number): number {
  const { bytes } = text
  const colon = skipSpace(bytes, nameEnd)
  if (codeAt(bytes, colon) !== COLON) {
    throw unexpected(text, colon, '":"')
  }
  return skipSpace(bytes, colon + 1)
}

/** Returns the offset behind the closing quote. */
function endOfString(text: BodyText, start: number): number {
  const close = text.closingQuote(start)
  if (close === -1) {
    throw unexpected(text, text.length, `the end of the string that begins at byte ${start}`)
  }
  return close + 1
}

function endOfScalar(text: BodyText, at: number, code: number): number {
  if (code === MINUS || isDigit(code)) {
    return endOfNumber(text, at)
  }
  for (const literal of ['true', 'false', 'null']) {
    if (text.slice(at, at + literal.length) === literal) {
      return at + literal.length
    }
  }
  throw unexpected(text, at, 'a JSON value')
}

function endOfNumber(text: BodyText, start: number): number {
  const { bytes } = text
  let at = codeAt(bytes, start) === MINUS ? start + 1 : start
  at = codeAt(bytes, at) === DIGIT_0 ? at + 1 : endOfDigits(text, at)
  if (codeAt(bytes, at) === DOT) {
    at = endOfDigits(text, at + 1)
  }
  const code = codeAt(bytes, at)
  if (code === 0x65 || code === 0x45) {
    const sign = codeAt(bytes, at + 1)
    at = endOfDigits(text, sign === MINUS || sign === 0x2b ? at + 2 : at + 1)
  }
  return at
}

function endOfDigits(text: BodyText, start: number): number {
  const { bytes } = text
  let at = start
  while (isDigit(codeAt(bytes, at))) {
    at += 1
  }
  if (at === start) {
    throw unexpected(text, at, 'a digit')
  }
  return at
}

function isDigit(code: number): boolean {
  return code >= DIGIT_0 && code <= DIGIT_9
}

/** Returns the offset of the next character that is no white space of JSON. */
export function skipSpace(bytes: Buffer, start: number): number {
  let at = start
  let code = codeAt(bytes, at)
  // Most values and names follow at once.
  if (code > SPACE) return at
  while (code === SPACE || code === 0x0a || code === 0x0d || code === 0x09) {
    at += 1
    code = codeAt(bytes, at)
  }
  return at
}

/** The byte; -1 behind the last one. */
export function codeAt(bytes: Buffer, at: number): number {
  return at < bytes.length ? (bytes[at] ?? END) : END
}

/** The error for a body that breaks the grammar: names the offset, what was expected and what stands there. */
export function unexpected(text: BodyText, at: number, expected: string): GatewayError {
  const code = codeAt(text.bytes, at)
  const found =
    code === END
      ? 'the end of the body'
      : code > 0x20 && code < 0x7f
        ? `"${String.fromCharCode(code)}"`
        : `the byte 0x${code.toString(16).padStart(2, '0')}`
  return refusal(`The request body is not valid JSON: at byte ${at} ${expected} was expected, not ${found}.`)
}

/** The error for a body that is refused as a whole. */
export function refusal(message: string, cause?: unknown): GatewayError {
  return new GatewayError('bad_request', message, { param: 'request_body', cause })
}
