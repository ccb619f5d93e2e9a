/** Heads of one origin's answers: known or not, each is read as if it were the first. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAnswerHead, type AnswerHead } from './answer-head.ts'
import { AnswerHeads } from './answer-heads.ts'

const STATUS_LINES = [
  'HTTP/1.1 200 OK',
  'HTTP/1.1 429 Too Many Requests',
  'HTTP/1.1 204 ',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 103',
  'HTTP/1.1 099 Low',
]

interface Said {
  readonly statusLine: string
  readonly lines: readonly string[]
}

const FIRST: Said = {
  statusLine: 'HTTP/1.1 200 OK',
  lines: [
    'Date: Mon, 30 Nov 2026 05:28:43 GMT',
    'Content-Type: application/json',
    'Content-Length: 10',
    'Set-Cookie: a=1; path=/',
    'set-cookie: b=2',
    'Connection: keep-alive',
    'Keep-Alive: timeout=5',
    'x-request-id: req_0123456789abcdef',
    'server: s',
  ],
}

/** What comes before the head and after it in the buffer: neither is part of it. */
const BEFORE = 'HTTP/1.1 200 OK\r\n'
const BEHIND = `{"body": 1}\r\n\r\n${'x'.repeat(40)}\r\n\r\n`

function textOf({ statusLine, lines }: Said): string {
  return `${[statusLine, ...lines].join('\r\n')}\r\n\r\n`
}

/** What is read of the bytes that have come, in a form that can be compared, order and all. */
function reading(read: typeof readAnswerHead, text: string, missing = 0): unknown {
  const bytes = Buffer.from(BEFORE + text + BEHIND, 'latin1')
  let head: AnswerHead | undefined
  try {
    head = read(bytes, BEFORE.length, BEFORE.length + text.length + 11 - missing)
  } catch (error) {
    return error
  }
  if (head === undefined) return undefined
  const prototype: unknown = Object.getPrototypeOf(head.headers)
  expect([Object.getPrototypeOf(prototype), Reflect.ownKeys(prototype as object)]).toEqual([null, []])
  return { ...head, headers: Object.entries(head.headers) }
}

/** Reads heads, and counts those that it did not know. */
class Reader {
  strictly = 0
  readonly #heads = new AnswerHeads((bytes, start, end) => {
    this.strictly += 1
    return readAnswerHead(bytes, start, end)
  })

  read(text: string, missing?: number): unknown {
    return reading((bytes, start, end) => this.#heads.read(bytes, start, end), text, missing)
  }

  /** Whether it is known: read rightly, and not by `readAnswerHead`. */
  knows(text: string): boolean {
    const before = this.strictly
    expect(this.read(text)).toEqual(reading(readAnswerHead, text))
    return this.strictly === before
  }
}

/** The head with its date, length and identifier of this call. */
function called(call: number, said: Said = FIRST): Said {
  const own = new Map([
    ['Date', `Mon, 30 Nov 2026 05:28:${10 + (call % 50)} GMT`],
    ['Content-Length', String(call * 97)],
    ['x-request-id', `req_${(call * 7_919).toString(16)}`],
  ])
  return {
    ...said,
    lines: said.lines.map((line) => {
      const name = line.slice(0, line.indexOf(':'))
      return own.has(name) ? `${name}: ${own.get(name)}` : line
    }),
  }
}

const value = fc.oneof(
  fc.constantFrom('', '1', '10', '+5', '5, 5', '9'.repeat(16), '0x5', 'chunked', 'Chunked', 'gzip, chunked'),
  fc.constantFrom('close', 'keep-alive', 'x, Close', 'timeout=9', 'timeout=1234567', ' two  words\t', 'é:,'),
  fc.string({ unit: fc.constantFrom('a', 'B', '0', ' ', '\t', ':', 'é', '\x80', '\xff'), maxLength: 12 }),
  fc.constantFrom(
    'a\rb',
    'a\nb',
    'a\0',
    'abcd\x7fefg',
    'a\x1b',
    'a\r\nTransfer-Encoding: chunked',
    'a\r\n b',
    'a\r\n',
  ),
)
const NAMES = 'content-length Content-Length Transfer-Encoding connection keep-alive SET-COOKIE date'.split(
  ' ',
)
const name = fc.constantFrom(...NAMES, '__proto__', 'constructor', '17', 'x y', 'x ', '', 'é')
const line = fc.tuple(name, value).map(([own, text]) => `${own}: ${text}`)

type Change = (said: Said) => Said

function atLine(at: number, change: (line: string) => readonly string[]): Change {
  return ({ statusLine, lines }) => ({
    statusLine,
    lines: lines.flatMap((own, index) => (index === at % lines.length ? change(own) : [own])),
  })
}

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.nat(999).map(
      (call): Change =>
        (said) =>
          called(call, said),
    ),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.nat(20), value)
      .map(([at, text]) => atLine(at, (own) => [`${own.split(':', 1)[0]}: ${text}`])),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...STATUS_LINES).map((statusLine): Change => (said) => ({
      ...said,
      statusLine,
    })),
  },
  fc.tuple(fc.nat(20), line).map(([at, own]) => atLine(at, (before) => [before, own])),
  fc.nat(20).map((at) => atLine(at, (own) => [own, own])),
  fc.nat(20).map((at) => atLine(at, () => [])),
  fc.nat(20).map((at) => atLine(at, (own) => [own.toUpperCase()])),
  fc.nat(20).map((at) => atLine(at, (own) => [own.replace(':', ': \t ')])),
  fc.constant<Change>(() => FIRST),
)

test('a head is read as if it were the first of its origin', () => {
  let known = 0
  let refused = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(change, fc.nat(400)), { minLength: 4, maxLength: 40 }), (steps) => {
      const reader = new Reader()
      let said = FIRST
      for (const [apply, missing] of steps) {
        const next = apply(said)
        const text = textOf(next)
        expect(reader.read(text, missing)).toEqual(reading(readAnswerHead, text, missing))
        if (reader.knows(text)) known += 1
        if (reading(readAnswerHead, text) instanceof Error) refused += 1
        // A change that no head survives is of one answer alone.
        else said = next
      }
    }),
    { numRuns: 800 },
  )
  expect(known).toBeGreaterThan(2_000)
  expect(refused).toBeGreaterThan(300)
})

test('no byte of a head that is known can be changed, lost or added without being seen', () => {
  const reader = new Reader()
  for (let call = 0; call < 8; call += 1) reader.read(textOf(called(call)))
  const text = textOf(called(8))
  expect(reader.knows(text)).toBe(true)
  for (let at = 0; at < text.length; at += 1) {
    for (const byte of ['\r', '\n', '\r\n', '\0', '\t', '\x1f', ' ', ':', '0', 'a', '\x7f', '\xff', '']) {
      for (const after of [at, at + 1]) {
        const changed = text.slice(0, at) + byte + text.slice(after)
        expect(reader.read(changed), JSON.stringify(changed)).toEqual(reading(readAnswerHead, changed))
      }
    }
    expect(reader.read(text, text.length + 11 - at), `cut at ${at}`).toBeUndefined()
  }
})

describe('of a head that is known', () => {
  /** Knows heads whose `line` has had these values. */
  function knowing(
    header: string,
    ...values: readonly string[]
  ): { reader: Reader; head: (value: string) => string } {
    const reader = new Reader()
    const head = (text: string): string => `HTTP/1.1 200 OK\r\nx-a: b\r\n${header}: ${text}\r\n\r\n`
    for (const text of values) reader.read(head(text))
    return { reader, head }
  }

  test.for(['+5', '-5', '5, 5', '5.0', '0x5', '', '9'.repeat(16), '5 5'])(
    'a length that is none is refused: %j',
    (text) => {
      const { reader, head } = knowing('content-length', '1', '22')
      expect(reader.knows(head('333'))).toBe(true)
      expect(reader.read(head(text))).toMatchObject({ code: 'BAD_ANSWER' })
    },
  )

  test('the length, the coding and the time of its connection are its own', () => {
    const length = knowing('content-length', '1', '22')
    expect(length.reader.read(length.head('333'))).toMatchObject({ bodyBytes: 333 })
    const coding = knowing('transfer-encoding', 'chunked', 'Chunked')
    expect(coding.reader.read(coding.head('gzip'))).toMatchObject({ code: 'BAD_ANSWER' })
    expect(coding.reader.read(coding.head('CHUNKED'))).toMatchObject({ bodyBytes: -1 })
    const connection = knowing('connection', 'keep-alive', 'Keep-Alive')
    expect(connection.reader.read(connection.head('close'))).toMatchObject({ keepAliveMs: 0 })
    const keepAlive = knowing('keep-alive', 'timeout=5', 'timeout=6')
    expect(keepAlive.reader.read(keepAlive.head('timeout=70'))).toMatchObject({ keepAliveMs: 70_000 })
    for (const { reader } of [length, coding, connection, keepAlive]) expect(reader.strictly).toBe(2)
  })

  test('lists are made anew for each call', () => {
    const heads = new AnswerHeads()
    const bytes = Buffer.from(textOf(FIRST), 'latin1')
    for (let call = 0; call < 4; call += 1) {
      const cookies = heads.read(bytes, 0, bytes.length)?.headers['set-cookie']
      expect(cookies).toEqual(['a=1; path=/', 'b=2'])
      cookies?.push('c=3')
    }
  })
})

describe('known are', () => {
  const STREAM: Said = {
    ...FIRST,
    lines: FIRST.lines.map((own) => (own.startsWith('Content-Length') ? 'Transfer-Encoding: chunked' : own)),
  }
  const REFUSED: Said = { ...FIRST, statusLine: 'HTTP/1.1 429 Too Many Requests' }
  const shapes = [FIRST, STREAM, REFUSED]

  /** A head of a shape that nothing else has. */
  function strange(call: number): string {
    return textOf({ ...FIRST, lines: [...FIRST.lines, `x-strange-${call}: 1`] })
  }

  test('whole answers, streams and refusals that come by turns', () => {
    const reader = new Reader()
    for (let call = 0; call < 12; call += 1) reader.read(textOf(called(call, shapes[call % 3])))
    for (let call = 12; call < 60; call += 1)
      expect(reader.knows(textOf(called(call, shapes[call % 3])))).toBe(true)
    expect(reader.strictly).toBeLessThanOrEqual(9)
  })

  test('those that are met often, however many strange ones come between them', () => {
    const reader = new Reader()
    for (let call = 0; call < 12; call += 1) reader.read(textOf(called(call, shapes[call % 3])))
    for (let call = 12; call < 2_000; call += 1) {
      expect(reader.knows(textOf(called(call, shapes[call % 3])))).toBe(true)
      expect(reader.knows(strange(call))).toBe(false)
    }
  })

  test('those of which now one value changed, now another', () => {
    const reader = new Reader()
    const head = (one: string, other: string): string =>
      textOf({ ...FIRST, lines: [`x-one: ${one}`, `x-other: ${other}`] })
    reader.read(head('1', '1'))
    reader.read(head('2', '1'))
    reader.read(head('2', '2'))
    expect(reader.knows(head('3', '3'))).toBe(true)
  })

  test('new ones in place of old ones, however often those were met', () => {
    const reader = new Reader()
    for (const statusLine of STATUS_LINES.slice(0, 4))
      for (let call = 0; call < 500; call += 1) reader.read(textOf(called(call, { ...FIRST, statusLine })))
    const lines = [...FIRST.lines, 'x-new: 1']
    const one = (call: number): string => textOf(called(call, { ...FIRST, lines }))
    const other = (call: number): string => textOf(called(call, { ...REFUSED, lines }))
    for (let call = 0; call < 500; call += 1) {
      reader.read(one(call))
      reader.read(other(call))
    }
    for (let call = 500; call < 510; call += 1)
      expect([reader.knows(one(call)), reader.knows(other(call))]).toEqual([true, true])
  })

  test('not at once those that come after many strange ones: to learn costs more than to read', () => {
    const reader = new Reader()
    for (let call = 0; call < 20; call += 1) reader.read(strange(call))
    for (let call = 0; call < 20; call += 1) expect(reader.knows(textOf(FIRST))).toBe(false)
    for (let call = 0; call < 40; call += 1) reader.read(textOf(FIRST))
    expect(reader.knows(textOf(FIRST))).toBe(true)
  })

  test('those of a provider that says something else from some day on', () => {
    const reader = new Reader()
    for (let call = 0; call < 100; call += 1) reader.read(textOf(called(call)))
    for (let call = 0; call < 100; call += 1) reader.read(strange(call))
    const lines = [...FIRST.lines, 'x-new: 1']
    for (let call = 0; call < 300; call += 1) reader.read(textOf(called(call, { ...FIRST, lines })))
    expect(reader.knows(textOf(called(300, { ...FIRST, lines })))).toBe(true)
  })

  test.for([
    ['longer than what is kept of an origin', [...FIRST.lines, `x-long: ${'a'.repeat(4_096)}`]],
    ['of too many lines', Array.from({ length: 62 }, (_, index) => `x-${index}: 1`)],
  ] as const)('not those %s', ([, lines]) => {
    const reader = new Reader()
    const text = textOf({ ...FIRST, lines })
    for (let call = 0; call < 10; call += 1) expect(reader.knows(text)).toBe(false)
  })

  test('those of as many lines as are kept', () => {
    const reader = new Reader()
    const head = (text: string): string =>
      textOf({ ...FIRST, lines: Array.from({ length: 61 }, (_, index) => `x-${index}: ${text}${index}`) })
    reader.read(head('a'))
    reader.read(head('b'))
    expect(reader.knows(head('c'))).toBe(true)
  })
})
