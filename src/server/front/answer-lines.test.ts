/** Lines of an answer's head hold what was given, and nothing that ends a line early. */
import { expect, test } from 'vitest'
import { answerLines, sharedAnswerLines } from './answer-lines.ts'

test('names and values are lines in their order', () => {
  expect(answerLines(['x-a', '1', 'x-b', 'two words'])).toBe('x-a: 1\r\nx-b: two words\r\n')
  expect(answerLines([])).toBe('')
})

test.for(['a\r\nx: y', 'a\n', '\0', '\x7f', 'ü\u0100'])(
  'a value or name with %j is refused each time',
  (text) => {
    for (const lines of [answerLines, sharedAnswerLines]) {
      for (const headers of [
        ['x-a', text],
        [text, '1'],
      ]) {
        expect(() => lines(headers)).toThrow(TypeError)
        expect(() => lines(headers)).toThrow(TypeError)
      }
    }
  },
)

test('a list that comes again gives the same lines', () => {
  const list = ['x-a', '1']
  expect(sharedAnswerLines(list)).toBe('x-a: 1\r\n')
  expect(sharedAnswerLines(list)).toBe('x-a: 1\r\n')
  expect(sharedAnswerLines(['x-a', '2'])).toBe('x-a: 2\r\n')
})
