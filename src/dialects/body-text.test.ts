/** The text of a large body, of which only a part is text at a time: nothing depends on where a part ends. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BodyText, WINDOW_BYTES } from './body-text.ts'
import { scanMembers } from './json-members.ts'

/** Texts that end near the end of a window, before and behind what is looked at. */
const filler = fc
  .tuple(fc.constantFrom(0, 0, WINDOW_BYTES, 2 * WINDOW_BYTES), fc.integer({ min: -40, max: 40 }))
  .map(([bytes, more]) => 'x'.repeat(Math.max(0, bytes + more)))

const text = fc
  .tuple(
    filler,
    fc.string({ unit: fc.constantFrom('"', '\\', 'é', '水', '{', '}', 'n', ' '), maxLength: 30 }),
    filler,
  )
  .map((parts) => parts.join(''))

describe('a large body', () => {
  test('has the members that JSON.parse finds, wherever its strings and names end', () => {
    const value = fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.dictionary(text, text, { maxKeys: 2 }))
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(text, value), { selector: ([name]) => name, maxLength: 4 }),
        (entries) => {
          const body = `{${entries.map(([name, member]) => `${JSON.stringify(name)}: ${JSON.stringify(member)}`).join(' ,')}}`
          const members = scanMembers(Buffer.from(body))
          expect([...members.byName.keys()]).toEqual(entries.map(([name]) => name))
          for (const [name, member] of entries) expect(members.value(name)).toEqual(member)
        },
      ),
      { numRuns: 40 },
    )
  })

  test('with one byte of its grammar changed is taken if and only if JSON.parse takes it', () => {
    const changes = fc.constantFrom('"', '\\', '{', '}', ',', ':', ' ')
    fc.assert(
      fc.property(text, text, fc.nat(), changes, (name, member, at, byte) => {
        const body = JSON.stringify({ [`a${name}`]: [member, name], b: member })
        const place = at % body.length
        const changed = body.slice(0, place) + byte + body.slice(place + 1)
        const refused = refusalOf(() => readAll(changed))
        if (refused?.includes('twice') === true) return
        expect(refused === undefined).toBe(refusalOf(() => JSON.parse(changed)) === undefined)
      }),
      { numRuns: 80 },
    )
  })

  test('is searched for the end of a string from any place, forwards and back', () => {
    const [first, second] = ['a'.repeat(WINDOW_BYTES * 2), `${'\\"'.repeat(WINDOW_BYTES)}b`]
    const body = new BodyText(Buffer.from(`"${first}" "${second}"`))
    const secondStart = first.length + 3
    for (const [start, close] of [
      [0, first.length + 1],
      [secondStart, secondStart + second.length + 1],
      [0, first.length + 1],
      [secondStart, secondStart + second.length + 1],
    ] as const)
      expect(body.closingQuote(start)).toBe(close)
    expect(body.closingQuote(body.length - 1)).toBe(-1)
    expect(body.slice(1, 4)).toBe('aaa')
  })
})

function readAll(body: string): void {
  const members = scanMembers(Buffer.from(body))
  for (const name of members.byName.keys()) members.value(name)
}

function refusalOf(read: () => unknown): string | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    return String(error)
  }
}
