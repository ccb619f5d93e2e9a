import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { relayLines } from './line-relay.ts'

async function relay(chunks: readonly Uint8Array[]): Promise<readonly string[]> {
  const source = new PassThrough()
  const written: string[] = []
  const done = relayLines(source, (lines) => void written.push(lines.toString()))
  for (const chunk of chunks) source.write(chunk)
  source.end()
  await done
  return written
}

test('however the lines of a worker are cut, they are passed on whole, in order, and with nothing lost', async () => {
  const line = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' '))
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat({ max: 40 })), async (lines, cuts) => {
      const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(''))
      const chunks: Buffer[] = []
      let from = 0
      for (const length of cuts) {
        chunks.push(bytes.subarray(from, from + length + 1))
        from += length + 1
      }
      chunks.push(bytes.subarray(from))
      const written = await relay(chunks.filter((chunk) => chunk.length > 0))
      expect(written.join('')).toBe(bytes.toString())
      expect(written.every((text) => text.endsWith('\n'))).toBe(true)
    }),
  )
})

test('half a line of a worker that was killed stands on a line of its own', async () => {
  expect((await relay([Buffer.from('whole\nha'), Buffer.from('lf')])).join('')).toBe('whole\nhalf\n')
})

test('a line without end does not gather in memory', async () => {
  const mebibyte = Buffer.alloc(1_048_576, 'x')
  const written = await relay(Array.from({ length: 20 }, () => mebibyte))
  expect(written.length).toBeGreaterThan(1)
  expect(written.reduce((sum, text) => sum + text.trimEnd().length, 0)).toBe(20 * 1_048_576)
})
