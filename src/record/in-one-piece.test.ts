import { setFlagsFromString } from 'node:v8'
import { runInThisContext } from 'node:vm'
import { expect, test } from 'vitest'
import { inOnePiece } from './in-one-piece.ts'

setFlagsFromString('--allow-natives-syntax')
const isFlat: (text: string) => boolean = runInThisContext('(text) => %StringIsFlat(text)')

function joined(number: number): string {
  return `a text of several pieces: ${number}, ${number + 1}, ${number + 2}`
}

test('a joined text is the same text in one piece, when the code is optimized, too', () => {
  let pieces = 0
  for (let number = 0; number < 200_000; number += 1) {
    const text = joined(number)
    const known = number % 20_000 === 0 ? text : undefined
    if (known !== undefined && !isFlat(known)) pieces += 1
    const one = inOnePiece(text)
    if (known === undefined) continue
    expect(isFlat(one)).toBe(true)
    expect(one).toBe(joined(number))
  }
  expect(pieces).toBeGreaterThan(0)
})
