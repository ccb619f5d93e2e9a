import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { maxLineBytes, readLines, writeLine, type JournalLine } from './line.ts'

const line = fc.record({
  kind: fc.constantFrom<'S' | 'E'>('S', 'E'),
  row: fc.json({ stringUnit: 'grapheme' }),
})

function encode(lines: readonly JournalLine[]): Buffer {
  const buffer = Buffer.alloc(lines.reduce((bytes, { row }) => bytes + maxLineBytes(row), 0))
  let length = 0
  for (const { kind, row } of lines) length = writeLine(buffer, length, kind, row)
  return buffer.subarray(0, length)
}

function decode(bytes: Buffer): { lines: JournalLine[]; torn: number } {
  let torn = 0
  const lines = [...readLines(bytes, () => (torn += 1))]
  return { lines, torn }
}

test('lines are read as they were written', () => {
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      expect(decode(encode(lines))).toEqual({ lines, torn: 0 })
    }),
  )
})

test('a journal cut at any byte gives all whole lines and reports the torn one', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 5 }), fc.nat(), (lines, cut) => {
      const bytes = encode(lines)
      const length = cut % bytes.length
      const read = decode(bytes.subarray(0, length))
      expect(lines.slice(0, read.lines.length)).toEqual(read.lines)
      const whole = encode(lines.slice(0, read.lines.length)).length
      expect(read.torn).toBe(whole === length ? 0 : 1)
    }),
  )
})

test('a changed byte spoils at most its own line and the next one, and never makes up a line', () => {
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (lines, place, change) => {
        const bytes = Buffer.from(encode(lines))
        const index = place % bytes.length
        bytes[index] = (bytes[index] ?? 0) ^ change
        const read = decode(bytes).lines
        expect(read.length).toBeGreaterThanOrEqual(lines.length - 2)
        for (const one of read) expect(lines).toContainEqual(one)
      },
    ),
  )
})

test('a line is its checksum in eight hex digits, its kind and its row', () => {
  fc.assert(
    fc.property(line, ({ kind, row }) => {
      const rest = `${kind} ${row}`
      const checksum = crc32(rest).toString(16).padStart(8, '0')
      expect(encode([{ kind, row }]).toString()).toBe(`${checksum} ${rest}\n`)
    }),
  )
})

test('lines after a torn one are read', () => {
  const first = encode([{ kind: 'S', row: '{"call_id":"a"}' }])
  const second = encode([{ kind: 'E', row: '{"call_id":"b"}' }])
  const bytes = Buffer.concat([first.subarray(0, 9), Buffer.from('\n'), second])
  expect(decode(bytes)).toEqual({ lines: [{ kind: 'E', row: '{"call_id":"b"}' }], torn: 1 })
})
