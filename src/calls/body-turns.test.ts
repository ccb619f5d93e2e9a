import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { BodyTurns } from './body-turns.ts'

const MB = 1_048_576

/** Which of the bodies, by their sizes, calls go on with in each turn. */
async function turnsOf(...sizes: readonly number[]): Promise<number[][]> {
  const turns = new BodyTurns()
  const served: number[][] = []
  let now: number[] = []
  const bodies = sizes.map(async (bytes) => {
    await turns.take(bytes)
    now.push(bytes)
  })
  while (served.flat().length < sizes.length) {
    await nextTurn()
    served.push(now)
    now = []
  }
  await Promise.all(bodies)
  return served.filter((bytes) => bytes.length > 0)
}

test('of large bodies that have come together each has a turn', async () => {
  expect(await turnsOf(2 * MB, 3 * MB, 2 * MB)).toEqual([[2 * MB], [3 * MB], [2 * MB]])
})

test('smaller ones share a turn as far as it goes, and nobody overtakes', async () => {
  expect(await turnsOf(0.5 * MB, 0.5 * MB, 0.3 * MB, 0.3 * MB, 2 * MB, 0.3 * MB)).toEqual([
    [0.5 * MB, 0.5 * MB],
    [0.3 * MB, 0.3 * MB],
    [2 * MB],
    [0.3 * MB],
  ])
})

test('who comes when the others are through waits for nobody', async () => {
  const turns = new BodyTurns()
  expect(turns.take(2 * MB)).toBeUndefined()
  await turns.take(2 * MB)
  for (let turn = 0; turn < 3; turn += 1) await nextTurn()
  expect(turns.take(2 * MB)).toBeUndefined()
})
