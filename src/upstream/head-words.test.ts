/** Bytes four at a time are the same as one at a time. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { textEnd } from './answer-head.ts'
import { FixedBytes, passText, viewOf } from './head-words.ts'

test('no control character is passed over, and less than a word is left before one', () => {
  for (let byte = 0; byte < 256; byte += 1) {
    for (let at = 0; at < 12; at += 1) {
      for (const others of ['a', '\xff', '\x80', '\x20', '\x7e', '\t']) {
        const bytes = Buffer.from(others.repeat(12), 'latin1')
        bytes[at] = byte
        const passed = passText(viewOf(bytes), 1, 12)
        const expected = textEnd(bytes, 1, 12)
        expect(passed, `${byte} at ${at}`).toBeLessThanOrEqual(expected)
        if (others !== '\t' && byte !== 9) expect(passed, `${byte} at ${at}`).toBeGreaterThan(expected - 4)
      }
    }
  }
})

test('bytes are found where they stand, and nowhere else', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'b', '\r', '\xff'), maxLength: 11 }),
      fc.string({ unit: fc.constantFrom('a', 'b', '\r', '\xff'), minLength: 11, maxLength: 40 }),
      (text, around) => {
        const bytes = Buffer.from(around, 'latin1')
        const fixed = new FixedBytes(text)
        expect(fixed.length).toBe(text.length)
        for (let at = 0; at + text.length <= around.length; at += 1)
          expect(fixed.isAt(viewOf(bytes), at)).toBe(around.startsWith(text, at))
      },
    ),
    { numRuns: 1_000 },
  )
})
