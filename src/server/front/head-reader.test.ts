/** Heads that come one after the other over a connection: known or not, each is read as if it were the first. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HeadReader } from './head-reader.ts'
import { readHead } from './request-head.ts'

const TARGETS = ['/v1/messages?beta=true', '/v1/messages', '/v1/chat/completions']
const NAMES = ['X-A', 'x-b', 'Authorization', 'X-Trace', 'user-agent']

/** What a client sets of a head; most of it stays from one call to the next. */
interface Said {
  readonly target: string
  readonly lines: readonly (readonly [name: string, value: string])[]
}

const value = fc.oneof(
  fc.constantFrom('', '1', ' two  words\t', 'ü', 'keep-alive', 'a:b', ','),
  fc.string({ unit: fc.constantFrom('a', 'B', '0', ' ', '\t', ':', 'é'), maxLength: 12 }),
  // What no value may hold.
  fc.constantFrom('a\rb', 'a\nb', 'a\0', '\x7f', 'a\r\nTransfer-Encoding: chunked'),
)

type Change = (said: Said) => Said

function withLine(said: Said, at: number, line: readonly [string, string]): Said {
  return { ...said, lines: said.lines.map((own, index) => (index === at % said.lines.length ? line : own)) }
}

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Change>((said) => said) },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat(9), value).map(
      ([at, text]): Change =>
        (said) =>
          withLine(said, at, [said.lines[at % said.lines.length]![0], text]),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(99_999).map(
      (length): Change =>
        (said) =>
          withLine(
            said,
            said.lines.findIndex(([name]) => name === 'Content-Length'),
            ['Content-Length', String(length)],
          ),
    ),
  },
  fc.constantFrom(...TARGETS).map((target): Change => (said) => ({ ...said, target })),
  fc
    .tuple(fc.constantFrom(...NAMES, 'Host', 'Transfer-Encoding', 'Connection', 'bad name', ''), value)
    .map(([name, text]): Change => (said) => ({ ...said, lines: [...said.lines, [name, text]] })),
  fc.nat(9).map((at): Change => (said) => ({
    ...said,
    lines: said.lines.filter((_, index) => index !== at % said.lines.length),
  })),
  fc.constant<Change>((said) => ({ ...said, lines: said.lines.toReversed() })),
)

const FIRST: Said = {
  target: '/v1/messages?beta=true',
  lines: [
    ['Host', 'g'],
    ['X-A', '1'],
    ['Content-Length', '10'],
    ['X-Trace', 'one'],
    ['Authorization', 'Bearer key'],
  ],
}

function bytesOf({ target, lines }: Said): Buffer {
  const headers = lines.map(([name, text]) => `${name}: ${text}\r\n`).join('')
  return Buffer.from(`POST ${target} HTTP/1.1\r\n${headers}\r\n{"body": 1}`, 'latin1')
}

test('a head is read as if it were the first of its connection', () => {
  let taken = 0
  let foreign = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(change, fc.nat(400)), { minLength: 4, maxLength: 40 }), (steps) => {
      const reader = new HeadReader()
      let said = FIRST
      for (const [apply, cut] of steps) {
        // A change that no head survives is of one call alone.
        const next = apply(said)
        const bytes = bytesOf(next)
        const expected = readHead(bytes)
        expect(reader.read(bytes.subarray(0, cut))).toEqual(readHead(bytes.subarray(0, cut)))
        expect(reader.read(bytes)).toEqual(expected)
        if (typeof expected === 'object') said = next
        if (typeof expected === 'object') taken += 1
        else foreign += 1
      }
    }),
    { numRuns: 2_000 },
  )
  expect(taken).toBeGreaterThan(10_000)
  expect(foreign).toBeGreaterThan(1_000)
})

test('what a call is given of its head is its own', () => {
  const reader = new HeadReader()
  const heads = Array.from({ length: 6 }, () => reader.read(bytesOf(FIRST)))
  for (const head of heads) {
    if (typeof head !== 'object') throw new Error(head)
    expect(head.headers['x-a']).toBe('1')
    head.headers['x-a'] = 'changed'
  }
})
