import { expect, test } from 'vitest'
import { timerMs } from './timer-ms.ts'

test.for([
  [-1, 1],
  [0, 1],
  [1.5, 1.5],
  [4_999.9, 4_999.9],
  [5_000, 5_000],
  [5_000.1, 5_250],
  [599_999.3, 600_000],
  [600_000, 600_000],
  [2_147_483_600, 2_147_483_647],
  [2 ** 40, 2_147_483_647],
  [Infinity, 2_147_483_647],
] as const)('of %d ms that are left the timer takes %d', ([leftMs, ms]) => {
  expect(timerMs(leftMs)).toBe(ms)
})
