/** Long answers are written in pieces, and are the same. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonInTurns } from './json-in-turns.ts'

const item = fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.date({ noInvalidDate: true }))
const list = fc.array(item, { minLength: 0, maxLength: 180, size: 'max' })

function textOf(json: string | readonly Buffer[]): string {
  return typeof json === 'string' ? json : Buffer.concat(json).toString()
}

test('whatever an answer holds, it is what JSON.stringify makes of it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(list, fc.dictionary(fc.string(), fc.oneof(list, item)), item),
      async (value) => {
        expect(textOf(await jsonInTurns(value))).toBe(JSON.stringify(value ?? null))
      },
    ),
    { numRuns: 60 },
  )
})

test.each([
  ['a list', (rows: unknown) => rows],
  ['a list in an object', (rows: unknown) => ({ keys: rows, total_count: 2_000 })],
])('other work goes on while %s of 2,000 is written', async (_, answer) => {
  const rows = Array.from({ length: 2_000 }, (_row, id) => ({ id, text: 'x'.repeat(100) }))
  let turns = 0
  let isWriting = true
  const count = (): void => {
    turns += 1
    if (isWriting) setImmediate(count)
  }
  setImmediate(count)
  await jsonInTurns(answer(rows))
  isWriting = false
  expect(turns).toBeGreaterThanOrEqual(39)
})

test.each([
  ['many small rows', 2_000, 100, 39],
  ['few large rows', 40, 60_000, 19],
])('%s are never put together into one text', async (_, rows, length, atLeast) => {
  const answer = { rows: Array.from({ length: rows }, (_row, id) => ({ id, text: 'é'.repeat(length) })) }
  const json = await jsonInTurns(answer)
  expect(textOf(json)).toBe(JSON.stringify(answer))
  expect(json.length).toBeGreaterThanOrEqual(atLeast)
  for (const piece of json) expect(piece.length).toBeLessThan(4 * 64 * 1024)
})

test('what is short is one text', async () => {
  expect(await jsonInTurns({ keys: [1, 2, 3] })).toBe('{"keys":[1,2,3]}')
})
