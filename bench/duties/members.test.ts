import { expect, test } from 'vitest'
import { findMembers } from './members.ts'

function valueOf(text: string, name: string): string | undefined {
  const [span] = findMembers(text, [name]) ?? []
  return span && text.slice(span.start, span.end)
}

test('a member is found at the top level only, whatever stands in strings and in what is nested', () => {
  expect(valueOf('{"a":{"model":1,"b":[{"model":2}]},"model":"x"}', 'model')).toBe('"x"')
  expect(valueOf(String.raw`{"a":"\\\",\"model\":\"y\"\\","model": "x" }`, 'model')).toBe(' "x" ')
  expect(valueOf(String.raw`{"mod\u0065l":"x"}`, 'model')).toBe('"x"')
  expect(valueOf('{"a":["model"]}', 'model')).toBeUndefined()
})

test('a member that is named twice, and a text that is cut short, are found out', () => {
  expect(findMembers('{"model":"x","a":1,"model":"y"}', ['model'])).toBeUndefined()
  expect(findMembers('{"model":"x"', ['model'])).toBeUndefined()
  expect(findMembers('{"model":"x', ['model'])).toBeUndefined()
})
