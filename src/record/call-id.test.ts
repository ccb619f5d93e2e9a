import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { isOwnCallId } from './call-id.ts'

test('what the gateway makes is an id of its own', () => {
  for (let made = 0; made < 100; made += 1) expect(isOwnCallId(randomUUID())).toBe(true)
})

test.each(['', 'call-1', '"', '\\', '/', 'g', 'A', '\u0661', '\u{10000}', '\n'])('with %j in it it is none', (text) => {
  const id = randomUUID()
  for (let at = 0; at < id.length; at += 1)
    expect(isOwnCallId(id.slice(0, at) + text + id.slice(at + Math.max(1, text.length)))).toBe(false)
  expect(isOwnCallId(id + text.charAt(0).padStart(1, '0'))).toBe(false)
})
