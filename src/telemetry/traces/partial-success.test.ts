/** What a collector did not take is read from its answer, in both forms; what cannot be read is no rejection. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { partialSuccess } from '../../../test/telemetry/partial-success.ts'
import { readPartialSuccess } from './partial-success.ts'

const SIGNALS = ['traces', 'metrics', 'logs'] as const
const PROTOBUF = 'application/x-protobuf'
const JSON_TYPE = 'application/json'

const FORMS = SIGNALS.flatMap((signal) =>
  [PROTOBUF, JSON_TYPE].map((contentType) => [signal, contentType] as const),
)

test.each(FORMS)('rejected %s are read from an answer in %s', (signal, contentType) => {
  const read = (items: number, reason: string) =>
    readPartialSuccess(signal, contentType, partialSuccess(signal, { items, reason }, contentType))
  expect(read(70_000, 'too many')).toEqual({ signal, items: 70_000, reason: 'too many' })
  expect(read(2, '')).toEqual({ signal, items: 2, reason: '' })
  expect(read(0, 'please send less')).toEqual({ signal, items: 0, reason: 'please send less' })
  expect(read(0, '')).toBeUndefined()
  expect(read(1, 'x'.repeat(10_000))?.reason).toHaveLength(500)
})

test.each([
  [PROTOBUF, ''],
  [JSON_TYPE, ''],
  [JSON_TYPE, '{}'],
  [JSON_TYPE, '{"partialSuccess":null}'],
  [JSON_TYPE, '{"partialSuccess":{}}'],
  [JSON_TYPE, '{"partialSuccess":{"rejectedSpans":"many","errorMessage":7}}'],
  [JSON_TYPE, '{"partialSuccess":{"rejectedSpans":-3}}'],
  [JSON_TYPE, '"ok"'],
  ['text/plain', '\n\u0002\b\u0001'],
  [undefined, '\n\u0002\b\u0001'],
])('an answer in %s that says %j rejects nothing', (contentType, text) => {
  expect(readPartialSuccess('traces', contentType, Buffer.from(text))).toBeUndefined()
})

test('whatever a receiver answers, reading it throws nothing', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(PROTOBUF, JSON_TYPE),
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (contentType, bytes) => {
        const read = readPartialSuccess('traces', contentType, Buffer.from(bytes))
        if (read !== undefined) expect(read.items > 0 || read.reason !== '').toBe(true)
      },
    ),
  )
})
