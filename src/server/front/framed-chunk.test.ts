import { expect, test } from 'vitest'
import { framedChunk } from './framed-chunk.ts'

test.each([1, 9, 10, 15, 16, 200, 255, 256, 4_095, 4_096, 16_384, 1_048_576])(
  'a chunk of %i bytes has its size before it, in hex, and a line end after each',
  (length) => {
    const bytes = Buffer.alloc(length, 'x')
    expect(framedChunk(bytes).toString('latin1')).toBe(`${length.toString(16)}\r\n${bytes.toString()}\r\n`)
  },
)

test('bytes that are a part of a larger buffer are copied alone, as they are', () => {
  const bytes = Buffer.from([1, 2, 0xff, 0x0a, 3]).subarray(2, 4)
  expect([...framedChunk(bytes)]).toEqual([...Buffer.from('2\r\n'), 0xff, 0x0a, ...Buffer.from('\r\n')])
})
