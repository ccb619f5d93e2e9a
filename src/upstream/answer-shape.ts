/** Answers' heads of one shape: the same status line, and the same names as they are written and in the same order. */
import type { IncomingHttpHeaders } from 'node:http'
import { addHeader, textEnd, toHead, valueOf, type AnswerHead } from './answer-head.ts'
import { FixedBytes, passText, viewOf } from './head-words.ts'

/** With the status line and the two empty ones at the end: so many values may change at most. */
export const MOST_LINES = 64

export const LINE_END = '\r\n'

/** Where the values lie that change, of the head that is being read: begin and end of each, from the third place on. */
const places = new Uint32Array(2 * MOST_LINES)

/**
 * What makes headers of one shape: without members, as those of `readAnswerHead`. V8 learns from the first of a class
 * how much room its objects need, and to let them grow costs more than the rest.
 */
function headersClass(): new () => IncomingHttpHeaders {
  class Headers {
    [name: string]: never
  }
  Object.setPrototypeOf(Headers.prototype, null)
  Reflect.deleteProperty(Headers.prototype, 'constructor')
  Object.freeze(Headers.prototype)
  return Headers
}

interface HeaderLine {
  /** In lower case. */
  readonly name: string
  /** Its value, if that does not change. */
  readonly fixed: string | undefined
  /** The name has come before. */
  readonly again: boolean
}

export class AnswerShape {
  /** Heads read: its keeper counts them from zero whenever it likes. */
  met = 0
  readonly #status: number
  readonly #lines: readonly string[]
  /** Indexes of the lines whose values change. */
  readonly #changing: ReadonlySet<number>
  readonly #headers: HeaderLine[] = []
  readonly #Headers = headersClass()
  /** What stands before, between and after the values that change. */
  readonly #fixed: readonly FixedBytes[]

  /** @param lines of a head that `readAnswerHead` has read, the two empty ones at its end among them. */
  constructor(status: number, lines: readonly string[], changing: ReadonlySet<number> = new Set()) {
    this.#status = status
    this.#lines = lines
    this.#changing = changing
    const fixed = [lines[0] + LINE_END]
    const names = new Set<string>()
    for (const [index, line] of lines.slice(0, -2).entries()) {
      if (index === 0) continue
      const written = beforeValue(line)
      const name = written.slice(0, -1).toLowerCase()
      const isFixed = !changing.has(index)
      const value = isFixed ? valueOf(line, written.length, line.length) : undefined
      this.#headers.push({ name, fixed: value, again: names.has(name) })
      names.add(name)
      fixed.push(`${fixed.pop()}${isFixed ? line + LINE_END : written}`)
      if (!isFixed) fixed.push(LINE_END)
    }
    fixed.push(fixed.pop() + LINE_END)
    this.#fixed = fixed.map((text) => new FixedBytes(text))
  }

  /** The shape of its heads and of one more; undefined when that differs in more than values. */
  widened(lines: readonly string[]): AnswerShape | undefined {
    if (lines.length !== this.#lines.length || lines[0] !== this.#lines[0]) return undefined
    const changing = new Set(this.#changing)
    for (const [index, line] of lines.entries()) {
      const before = this.#lines[index] ?? ''
      if (line === before) continue
      if (beforeValue(line) !== beforeValue(before)) return undefined
      changing.add(index)
    }
    return new AnswerShape(this.#status, lines, changing)
  }

  /**
   * @returns undefined for a head that may be of another shape, or is not whole.
   * @throws UpstreamError `BAD_ANSWER`, as `readAnswerHead` does.
   */
  read(bytes: Buffer, start: number, end: number): AnswerHead | undefined {
    const stop = this.#match(bytes, start, end)
    if (stop < 0) return undefined
    const text = this.#changing.size === 0 ? '' : bytes.toString('latin1', start, stop)
    const headers = new this.#Headers()
    let place = 0
    for (const { name, fixed, again } of this.#headers) {
      if (fixed === undefined) place += 2
      const value = fixed ?? valueOf(text, (places[place] ?? 0) - start, (places[place + 1] ?? 0) - start)
      if (again) addHeader(headers, name, value)
      else headers[name] = value
    }
    this.met += 1
    return toHead(bytes, start, stop, this.#status, headers)
  }

  /** Finds the values that change. @returns the position after the head, or -1. */
  #match(bytes: Buffer, start: number, end: number): number {
    const view = viewOf(bytes)
    const parts = this.#fixed
    let at = start
    for (let index = 0; index < parts.length; index += 1) {
      if (index > 0) {
        places[2 * index] = at
        at = textEnd(bytes, passText(view, at, end), end)
        places[2 * index + 1] = at
      }
      const part = parts[index]
      if (part === undefined || at + part.length > end || !part.isAt(view, at)) return -1
      at += part.length
    }
    return at
  }
}

/** A header's name as it is written, and its colon. */
function beforeValue(line: string): string {
  return line.slice(0, line.indexOf(':') + 1)
}
