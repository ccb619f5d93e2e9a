import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scanMembers } from './json-members.ts'
import { knownName, USUAL_NAMES } from './known-names.ts'

function bytes(text: string): Buffer {
  return Buffer.from(text)
}

test('a usual name is found where it stands, and only whole', () => {
  const body = bytes('{"model":1,"max_completion_tokens":2,"n":3}')
  expect(knownName(body, 2, 7)).toBe('model')
  expect(knownName(body, 12, 33)).toBe('max_completion_tokens')
  expect(knownName(body, 38, 39)).toBe('n')
  for (const [start, end] of [
    [2, 6],
    [1, 7],
    [3, 7],
    [2, 8],
    [2, 2],
    [2, 1],
    [40, 99],
    [99, 104],
  ] as const)
    expect(knownName(body, start, end)).toBeUndefined()
  expect(knownName(bytes('"mod\\u0065l"'), 1, 11)).toBeUndefined()
  expect(knownName(bytes('"mxdel"'), 1, 6)).toBeUndefined()
})

test('each of the usual names is found', () => {
  for (const name of USUAL_NAMES) expect(knownName(bytes(name), 0, name.length)).toBe(name)
})

test('a body has the members that JSON.parse finds, usual names among others', () => {
  const name = fc.oneof(
    fc.constantFrom('model', 'messages', 'stream', 'n', 'top_p', 'stop', 'stops', 'top_', 'input', 'usage'),
    fc.string({ unit: 'binary', maxLength: 40 }),
  )
  fc.assert(
    fc.property(fc.dictionary(name, fc.jsonValue({ maxDepth: 1 }), { noNullPrototype: true }), (object) => {
      const members = scanMembers(bytes(JSON.stringify(object)))
      const parsed: Record<string, unknown> = JSON.parse(JSON.stringify(object))
      expect([...members.byName.keys()].toSorted()).toEqual(Object.keys(parsed).toSorted())
      for (const key of Object.keys(parsed)) expect(members.value(key)).toEqual(parsed[key])
    }),
  )
})

test('a usual name that is written with an escape is the same name, and named twice it is refused', () => {
  const members = scanMembers(bytes('{"mod\\u0065l":"a","n":1}'))
  expect([...members.byName.keys()]).toEqual(['model', 'n'])
  expect(() => scanMembers(bytes('{"model":"a","mod\\u0065l":"b"}'))).toThrow('twice')
})
