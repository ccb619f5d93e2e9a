/**
 * Reads the heads that come over one connection. A client says nearly the same with each call: after some heads of one
 * shape only the lines that change are read, and the bytes between them compared. A head that is not exactly so is read
 * from its beginning by `readHead`, which alone decides what is taken.
 */
import type { IncomingHttpHeaders } from 'node:http'
import {
  isStray,
  lengthOf,
  MAX_HEAD_BYTES,
  readHead,
  valueOf,
  type HeadReading,
  type RequestHead,
} from './request-head.ts'

/** Larger ones are not learned: what is learned is kept for as long as the connection, whoever it is from. */
const LONGEST_LEARNED = 4_096
const MOST_LINES = 64
const MOST_CHANGING = 16
/** Heads from which a connection learns. Those of two clients by turns would never be known. */
const MOST_LESSONS = 16
/** In a row: one call of another kind is no reason to learn anew. */
const STRANGERS_TO_FORGET = 4

const LINE_END = '\r\n'
const CARRIAGE_RETURN = 0x0d

/** One for each connection, for it remembers. */
export class HeadReader {
  #pattern: HeadPattern | undefined
  /** Of the last head of the shape that is learned. */
  #lines: readonly string[] | undefined
  #lessons = 0
  /** Heads of other shapes since the last one that was known. */
  #strangers = 0

  /** Reads as `readHead` does. @param bytes of a head from its first byte; what follows it may be there, too. */
  read(bytes: Buffer): HeadReading {
    const known = this.#pattern?.read(bytes)
    if (known !== undefined) {
      this.#strangers = 0
      return known
    }
    const head = readHead(bytes)
    if (typeof head === 'object' && this.#lessons < MOST_LESSONS) this.#learn(head, bytes)
    return head
  }

  #learn(head: RequestHead, bytes: Buffer): void {
    this.#lessons += 1
    // Many connections carry one call, and learn nothing.
    if (this.#lessons === 1 || head.bodyStart > LONGEST_LEARNED) return
    const lines = bytes.toString('latin1', 0, head.bodyStart).split(LINE_END)
    if (lines.length > MOST_LINES) return
    const changing = this.#lines === undefined ? undefined : changesBetween(this.#lines, lines)
    if (changing !== undefined) {
      for (const line of this.#pattern?.changing ?? []) changing.add(line)
      if (changing.size > MOST_CHANGING) return
      this.#lines = lines
      this.#pattern = new HeadPattern(head, lines, changing)
      return
    }
    this.#strangers += 1
    if (this.#pattern !== undefined && this.#strangers < STRANGERS_TO_FORGET) return
    this.#lines = lines
    this.#pattern = undefined
    this.#strangers = 0
  }
}

/** @returns the indexes of lines whose values differ; undefined where more than values does. */
function changesBetween(last: readonly string[], lines: readonly string[]): Set<number> | undefined {
  if (last.length !== lines.length || last[0] !== lines[0]) return undefined
  const changing = new Set<number>()
  for (const [index, line] of lines.entries()) {
    const before = last[index] ?? ''
    if (before === line) continue
    if (beforeValue(before) !== beforeValue(line)) return undefined
    changing.add(index)
  }
  return changing
}

/** A header's name as it is written, and its colon. */
function beforeValue(line: string): string {
  return line.slice(0, line.indexOf(':') + 1)
}

/** Heads of one shape: the same lines, but for the values of some. */
class HeadPattern {
  readonly changing: ReadonlySet<number>
  readonly #head: Pick<RequestHead, 'url' | 'path'>
  readonly #headers: IncomingHttpHeaders
  /** What stands before, between and after the values that change. */
  readonly #fixed: readonly Buffer[]
  /** The headers of these values. */
  readonly #names: readonly string[]

  constructor(head: RequestHead, lines: readonly string[], changing: ReadonlySet<number>) {
    this.changing = changing
    const fixed = ['']
    const names: string[] = []
    for (const [index, line] of lines.entries()) {
      const end = index === lines.length - 1 ? '' : LINE_END
      const isFixed = !changing.has(index)
      fixed.push(`${fixed.pop()}${isFixed ? line + end : beforeValue(line)}`)
      if (isFixed) continue
      fixed.push(end)
      names.push(beforeValue(line).slice(0, -1).toLowerCase())
    }
    this.#fixed = fixed.map(ownBytes)
    this.#names = names
    // By way of a text: strings of their own, and an object that V8 copies at once, however many members it has.
    this.#headers = JSON.parse(JSON.stringify(head.headers)) as IncomingHttpHeaders
    this.#head = { url: head.url, path: head.path }
  }

  /** @returns undefined for a head that may be of another shape, or is not whole. */
  read(bytes: Buffer): RequestHead | undefined {
    const headers = { ...this.#headers }
    const names = this.#names
    let at = 0
    for (const [index, fixed] of this.#fixed.entries()) {
      const end = at + fixed.length
      if (end > bytes.length || bytes.compare(fixed, 0, fixed.length, at, end) !== 0) return undefined
      at = end
      const name = names[index]
      if (name === undefined) break
      while (at < bytes.length && !isStray(bytes[at] ?? CARRIAGE_RETURN)) at += 1
      headers[name] = valueOf(bytes.toString('latin1', end, at), 0, at - end)
    }
    if (at > MAX_HEAD_BYTES) return undefined
    const contentLength = lengthOf(headers)
    if (contentLength === undefined) return undefined
    return { url: this.#head.url, path: this.#head.path, headers, contentLength, bodyStart: at }
  }
}

/** Not of the pool, of which a few kept bytes would keep eight kilobytes. */
function ownBytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(text.length)
  bytes.write(text, 'latin1')
  return bytes
}
