/** Tests of the grammar of instructions. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  INSTRUCTION_NAMES,
  InstructionError,
  findInText,
  parseInstruction,
  parseInstructions,
  parseModelName,
} from './instructions.ts'

test('pairs may be parted by any of the separators', () => {
  const expected = { firstTokenMs: 200, chunks: 3, fault: { kind: 'mid', name: 'cut', at: 5 } }
  expect(parseInstructions('ttft=200&chunks=3&fault=cut@5')).toEqual(expected)
  expect(parseInstructions(' ttft=200, chunks=3;fault=cut@5 ')).toEqual(expected)
})

test('values are percent-decoded', () => {
  expect(parseInstructions('say=a%20b%26c')).toEqual({ say: 'a b&c' })
})

test('a model name gives its bare name and its instructions', () => {
  const parsed = parseModelName('sim/any?tokens=5&tier=priority')
  expect(parsed).toEqual({ name: 'sim/any', instructions: { tokens: 5, tier: 'priority' } })
  expect(parseModelName('gpt-5.5').instructions).toEqual({})
})

test('a user text may hold instructions among other words', () => {
  expect(findInText('Hello [[sim chunks=2 fault=500 times=1]] there')).toEqual({
    chunks: 2,
    fault: { kind: 'status', status: 500 },
    times: 1,
  })
  expect(findInText('nothing here [[sim')).toEqual({})
})

test.each([
  ['fault=cut@end', { kind: 'mid', name: 'cut', at: 'end' }],
  ['fault=fin@last', { kind: 'mid', name: 'fin', at: 'last' }],
  ['fault=stall', { kind: 'mid', name: 'stall', at: 1 }],
  ['fault=529', { kind: 'status', status: 529 }],
  ['fault=slow-headers', { kind: 'instead', name: 'slow-headers' }],
])('%s is understood', (pair, fault) => {
  expect(parseInstructions(pair)).toEqual({ fault })
})

test.each([
  'ttft=-1',
  'ttft=600001',
  'chunks=0',
  'tokens=1e3',
  'fault=200',
  'fault=cut@x',
  'fault=html@1',
  'unknown=1',
  'word',
  'say=%zz',
])('%s is refused with a reason', (pair) => {
  expect(() => parseInstructions(pair)).toThrow(InstructionError)
})

test('no text makes the parser fail in another way than by refusing', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parseInstructions(text)
      } catch (error) {
        expect(error).toBeInstanceOf(InstructionError)
      }
    }),
  )
})

test('the document describes every instruction, and no other', () => {
  const document = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8')
  const described = [...document.matchAll(/^\| `([a-z0-9-]+)=/gm)].map((match) => match[1])
  expect(new Set(described)).toEqual(new Set(INSTRUCTION_NAMES))
})

test('a header value stands as it is', () => {
  expect(parseInstruction('say', '50% & more')).toEqual({ say: '50% & more' })
})
