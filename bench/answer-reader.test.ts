import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AnswerReader } from './answer-reader.ts'

const ANSWERS = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' +
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '9\r\ndata: 1\n\n\r\n8\r\ndata: 2\n\r\n1\r\n\n\r\n0\r\n\r\n' +
    'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nConnection: close\r\n\r\n',
)

function readCutAt(cuts: readonly number[]) {
  const seen: string[] = []
  let events = 0
  const reader = new AnswerReader({
    onEvents: (count) => {
      events += count
    },
    onAnswerEnd: (status, bodyBytes, closes) => seen.push(`${status} ${bodyBytes}${closes ? ' close' : ''}`),
  })
  const edges = [0, ...cuts.toSorted((a, b) => a - b), ANSWERS.length]
  for (const [index, edge] of edges.slice(1).entries()) reader.push(ANSWERS.subarray(edges[index], edge))
  return { seen, events }
}

test('any cutting of the bytes gives the same answers and the same number of events', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(ANSWERS.length), { maxLength: 12 }), (cuts) => {
      expect(readCutAt(cuts)).toEqual({ seen: ['200 5', '200 18', '503 0 close'], events: 2 })
    }),
  )
})

test('an answer without a length is refused, so that a hanging load is never measured', () => {
  const reader = new AnswerReader({ onEvents: () => {}, onAnswerEnd: () => {} })
  expect(() => reader.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))).toThrow('without a length')
})
