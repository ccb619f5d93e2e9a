/** Splicing: only the named members change, and every other byte stays. */
import fc from 'fast-check'
import { expect, test } from 'vitest'

import type { MemberEdit } from './dialect.ts'
import { scanMembers } from './json-members.ts'
import { spliceMembers } from './splice-members.ts'

function splice(text: string, ...edits: MemberEdit[]): string {
  return Buffer.concat(spliceMembers(scanMembers(Buffer.from(text)), edits)).toString()
}

function set(name: string, value: unknown): MemberEdit {
  return { name, value: JSON.stringify(value) }
}

function remove(name: string): MemberEdit {
  return { name, value: undefined }
}

test('a replaced member leaves spaces, order, numbers and unknown members as they were', () => {
  const text = '{ "x" : 1.0e2,\n"model" : "a" , "big":12345678901234567890 }\n'
  expect(splice(text, set('model', 'bü'))).toBe(
    '{ "x" : 1.0e2,\n"model" : "bü" , "big":12345678901234567890 }\n',
  )
})

test('a member under an escaped name is replaced, not doubled', () => {
  expect(splice('{"mod\\u0065l":"a"}', set('model', 'b'))).toBe('{"mod\\u0065l":"b"}')
})

test.each([
  ['the first', '{"a":1, "b":2}', ['a'], '{"b":2}'],
  ['the last', '{"a":1, "b":2 }', ['b'], '{"a":1 }'],
  ['the middle', '{"a":1, "b":2, "c":3}', ['b'], '{"a":1, "c":3}'],
  ['the only', '{ "a":1 }', ['a'], '{  }'],
  ['the last two', '{"a":1,"b":2,"c":3}', ['b', 'c'], '{"a":1}'],
  ['the first two', '{"a":1,"b":2,"c":3}', ['b', 'a'], '{"c":3}'],
  ['all', '{"a":1,"b":2}', ['a', 'b'], '{}'],
  ['one that is not there', '{"a":1}', ['z'], '{"a":1}'],
])('removing %s leaves an object', (_what, text, names, expected) => {
  expect(splice(text, ...names.map(remove))).toBe(expected)
})

test('an added member stands at the end, also in an empty object and after a removal', () => {
  expect(splice('{"a":1 }', set('b', 2), set('c', 3))).toBe('{"a":1,"b":2,"c":3 }')
  expect(splice('{ }', set('b', 2))).toBe('{ "b":2}')
  expect(splice('{"a":1,"z":0}', remove('z'), set('b', 2))).toBe('{"a":1,"b":2}')
  expect(splice('{"a":1}', remove('a'), set('b', 2))).toBe('{"b":2}')
})

test('of two edits of one name the last one counts', () => {
  expect(splice('{"a":1}', set('a', 2), set('a', 3), set('b', 1), remove('b'))).toBe('{"a":3}')
})

test('bytes that no edit touches are slices of the body, not copies', () => {
  const body = Buffer.from('{"model":"a","messages":["long"]}')
  const parts = spliceMembers(scanMembers(body), [set('model', 'b')])
  expect(parts).toHaveLength(3)
  expect(parts[0]?.buffer).toBe(body.buffer)
  expect(parts[2]?.buffer).toBe(body.buffer)
  expect(spliceMembers(scanMembers(body), [])[0]).toEqual(body)
})

const names = ['a', 'b', 'c', 'd', 'é', '__proto__']
const objectText = fc
  .tuple(
    fc.shuffledSubarray(names),
    fc.array(fc.jsonValue({ maxDepth: 2 }), { minLength: 6, maxLength: 6 }),
    fc.constantFrom('', ' ', '\n  '),
  )
  .map(
    ([chosen, values, space]) =>
      `{${chosen.map((name, i) => `${space}${JSON.stringify(name)}${space}:${space}${JSON.stringify(values[i])}`).join(`${space},`)}${space}}`,
  )
const edit = fc.record({
  name: fc.constantFrom(...names, 'new'),
  value: fc.option(
    fc.jsonValue({ maxDepth: 1 }).map((value) => JSON.stringify(value)),
    { nil: undefined },
  ),
})

test('a spliced body parses to the body with the edits applied', () => {
  fc.assert(
    fc.property(objectText, fc.array(edit, { maxLength: 5 }), (text, edits) => {
      const expected = new Map(Object.entries(JSON.parse(text) as object))
      for (const { name, value } of edits) {
        if (value === undefined) {
          expected.delete(name)
        } else {
          expected.set(name, JSON.parse(value))
        }
      }
      const spliced = new Map(Object.entries(JSON.parse(splice(text, ...edits)) as object))
      expect(spliced).toEqual(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('values that no edit names keep their bytes and their order', () => {
  fc.assert(
    fc.property(objectText, fc.array(edit, { maxLength: 3 }), (text, edits) => {
      const edited = new Set(edits.map(({ name }) => name))
      const untouched = (json: string) => {
        const members = scanMembers(Buffer.from(json))
        return [...members.byName.values()]
          .filter(({ name }) => !edited.has(name))
          .map((member) => members.body.toString('utf8', member.nameStart, member.valueEnd))
      }
      expect(untouched(splice(text, ...edits))).toEqual(untouched(text))
    }),
    { numRuns: 2_000 },
  )
})
