import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { isOwnCallId } from './call-id.ts'

test('what the gateway makes is an id of its own', () => {
  for (let made = 0; made < 100; made += 1) expect(isOwnCallId(randomUUID())).toBe(true)
})

test.each(['"', '\\', '/', 'g', 'A', '\u0661', '\n'])('with %j anywhere in it it is none', (other) => {
  const id = randomUUID()
  for (let at = 0; at < id.length; at += 1)
    expect(isOwnCallId(id.slice(0, at) + other + id.slice(at + 1))).toBe(false)
})

test('a shorter or longer one is none', () => {
  const id = randomUUID()
  for (const other of ['', id.slice(1), `${id}0`, `${id}"`]) expect(isOwnCallId(other)).toBe(false)
})
