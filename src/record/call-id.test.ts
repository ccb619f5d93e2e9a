import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { isOwnCallId, newCallId } from './call-id.ts'

/** RFC 9562, section 5.4: version 4, and the variant in the two highest bits of the ninth byte. */
const VERSION_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('what the gateway makes is an id of its own, a UUID of version 4, and never the same', () => {
  const made = Array.from({ length: 1_000 }, newCallId)
  for (const id of made) {
    expect(isOwnCallId(id)).toBe(true)
    expect(id).toMatch(VERSION_4)
  }
  expect(new Set(made).size).toBe(made.length)
})

test('each random digit of an id takes each value', () => {
  const seen = Array.from({ length: 36 }, () => new Set<string>())
  for (let made = 0; made < 1_000; made += 1) {
    const id = newCallId()
    for (const [at, digits] of seen.entries()) digits.add(id.charAt(at))
  }
  const counts = seen.map((digits) => digits.size)
  expect(counts.filter((count) => count === 16)).toHaveLength(30)
  expect(counts.filter((count) => count === 4)).toHaveLength(1)
  expect(counts.filter((count) => count === 1)).toHaveLength(5)
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
