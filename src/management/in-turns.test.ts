import { expect, test } from 'vitest'
import { mapInTurns } from './in-turns.ts'

test('a long list is the same as mapped at once, and other work goes on meanwhile', async () => {
  const items = Array.from({ length: 1_000 }, (_, index) => index)
  let turns = 0
  let isMapping = true
  const count = (): void => {
    turns += 1
    if (isMapping) setImmediate(count)
  }
  setImmediate(count)
  const doubled = await mapInTurns(items, (item, index) => item + index)
  isMapping = false
  expect(doubled).toEqual(items.map((item) => 2 * item))
  expect(turns).toBeGreaterThanOrEqual(19)
})
