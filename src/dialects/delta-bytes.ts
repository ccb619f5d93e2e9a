/** Measures the output in a stream event without parsing it. */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b
const CLOSE_BRACE = 0x7d
const CLOSE_BRACKET = 0x5d
const COLON = 0x3a

/**
 * Bytes of model output in the values of all members called `name`: of a string its length, of an object or list the
 * strings in it. Escapes count as they stand, so the figure is an estimate.
 *
 * @param text the event, one character a byte.
 */
export function deltaBytes(text: string, name: string): number {
  const pattern = `${name}"`
  let bytes = 0
  let at = text.indexOf(pattern)
  while (at !== -1) {
    const colon = skipSpace(text, at + pattern.length)
    if (text.charCodeAt(at - 1) === QUOTE && text.charCodeAt(colon) === COLON) {
      bytes += outputIn(text, skipSpace(text, colon + 1))
    }
    at = text.indexOf(pattern, at + pattern.length)
  }
  return bytes
}

/** Whether a member called `name` is there with a value other than null, anywhere in the event. */
export function tells(text: string, name: string): boolean {
  const pattern = `${name}"`
  let at = text.indexOf(pattern)
  while (at !== -1) {
    const colon = skipSpace(text, at + pattern.length)
    if (text.charCodeAt(colon) === COLON && !text.startsWith('null', skipSpace(text, colon + 1))) {
      return true
    }
    at = text.indexOf(pattern, colon)
  }
  return false
}

/** Bytes of output in the value that begins at `start`. */
function outputIn(text: string, start: number): number {
  let bytes = 0
  let depth = 0
  let at = start
  let counts = true
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const close = closingQuote(text, at)
      const next = skipSpace(text, close + 1)
      if (depth > 0 && text.charCodeAt(next) === COLON) {
        counts = isOutput(text, at + 1, close)
        at = next
      } else {
        bytes += counts ? close - at - 1 : 0
        at = close
      }
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth -= 1
    }
    if (depth <= 0) {
      return bytes
    }
    at += 1
  }
  return bytes
}

/** Whether the strings of the member whose name stands at [start, end) are output of the model. */
function isOutput(text: string, start: number, end: number): boolean {
  switch (end - start) {
    case 2:
      return !text.startsWith('id', start)
    case 4:
      return !text.startsWith('role', start) && !text.startsWith('type', start)
    case 7:
      return !text.startsWith('call_id', start)
    case 9:
      return !text.startsWith('signature', start)
    default:
      return true
  }
}

function closingQuote(text: string, start: number): number {
  let close = text.indexOf('"', start + 1)
  while (close !== -1 && isEscaped(text, close, start)) {
    close = text.indexOf('"', close + 1)
  }
  return close === -1 ? text.length : close
}

/** Whether an odd number of backslashes stands before `quote`, counted no further back than `start`. */
function isEscaped(text: string, quote: number, start: number): boolean {
  let at = quote - 1
  while (at > start && text.charCodeAt(at) === BACKSLASH) {
    at -= 1
  }
  return (quote - at) % 2 === 0
}

function skipSpace(text: string, start: number): number {
  let at = start
  while (text.charCodeAt(at) === 0x20) {
    at += 1
  }
  return at
}
