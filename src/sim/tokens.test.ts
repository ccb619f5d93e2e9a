/** Tests of the simulator's tokens. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutText, textOfBytes, tokensOfBytes } from './tokens.ts'

test('the pieces of a text make up the text, and their tokens its tokens', () => {
  const anyText = fc.string({ unit: 'grapheme', maxLength: 200 })
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 50 }), fc.nat(100), (text, count, bytesBefore) => {
      const pieces = [...cutText(text, count, bytesBefore)]
      expect(pieces.map((piece) => piece.text).join('')).toBe(text)
      const bytes = Buffer.byteLength(text)
      const expected = tokensOfBytes(bytesBefore + bytes) - tokensOfBytes(bytesBefore)
      expect(pieces.reduce((sum, piece) => sum + piece.tokens, 0)).toBe(expected)
    }),
  )
})

test('plain text of whole tokens is cut into exactly as many pieces as asked', () => {
  expect([...cutText(textOfBytes(400), 7, 0)]).toHaveLength(7)
  expect([...cutText(textOfBytes(8), 7, 0)].map((piece) => piece.tokens)).toEqual([1, 1])
})

test('text has exactly the bytes that were asked for', () => {
  for (const bytes of [0, 1, 4, 1_000, 100_001]) expect(Buffer.byteLength(textOfBytes(bytes))).toBe(bytes)
})
