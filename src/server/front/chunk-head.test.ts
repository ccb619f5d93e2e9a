import { expect, test } from 'vitest'
import { chunkHead } from './chunk-head.ts'

test.each([1, 9, 10, 15, 16, 200, 255, 256, 1_023, 1_024, 4_096, 16_384, 1_048_576])(
  'a chunk of %i bytes has its size before it, in hex',
  (length) => {
    expect(chunkHead(length)).toBe(`${length.toString(16)}\r\n`)
  },
)
