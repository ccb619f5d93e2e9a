import { expect, test } from 'vitest'
import { RestartDelay } from './restart-delay.ts'

test('a worker that dies is replaced at once, workers that die young ever more slowly, up to half a minute', () => {
  const delay = new RestartDelay()
  const delays = Array.from({ length: 12 }, () => delay.afterDeath(100))
  expect(delays.slice(0, 5)).toEqual([0, 250, 500, 1_000, 2_000])
  expect(delays.at(-1)).toBe(30_000)
})

test('a worker that has lived ends the slowness', () => {
  const delay = new RestartDelay()
  for (let death = 0; death < 5; death += 1) delay.afterDeath(100)
  expect(delay.afterDeath(3_600_000)).toBe(0)
  expect(delay.afterDeath(100)).toBe(0)
  expect(delay.afterDeath(100)).toBe(250)
})
