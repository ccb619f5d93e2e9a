import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LineTooLongError, linesOf } from './lines.ts'

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}

test('lines are the same however the bytes are cut, and together they are the text', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', 'bc', '\n', '\r\n', 'é'), { maxLength: 40 }),
      fc.integer({ min: 1, max: 9 }),
      async (pieces, size) => {
        const text = Buffer.from(pieces.join(''))
        const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
          text.subarray(index * size, (index + 1) * size),
        )
        const lines = await collect(linesOf(chunks, 1_000))
        expect(Buffer.concat(lines)).toEqual(text)
        for (const line of lines.slice(0, -1)) expect(line.indexOf(0x0a)).toBe(line.length - 1)
      },
    ),
  )
})

test('a line that is too long is named, without being held', async () => {
  const chunks = ['one\n', 'two', 'x'.repeat(50), 'x'.repeat(50)].map((text) => Buffer.from(text))
  await expect(collect(linesOf(chunks, 60))).rejects.toEqual(new LineTooLongError(2, 60))
})
