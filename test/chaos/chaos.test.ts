/**
 * The short form of `npm run chaos`: real pods behind nginx, less load, and nothing that depends on the speed of the
 * machine. Counts and money are held as in the full form.
 */
import { expect, test } from 'vitest'
import { SHORT_SCENARIOS } from './scenarios/index.ts'
import { remarksOf } from './table.ts'

test.each(SHORT_SCENARIOS)('$name: $promised', { timeout: 240_000 }, async (scenario) => {
  const outcome = await scenario.run({ length: 'short' })
  expect(outcome.faults, remarksOf({ scenario, outcome, seconds: 0 }).join('\n')).toEqual([])
  expect(outcome.differencePicodollars).toBe(0n)
  expect(outcome.calls).toBeGreaterThan(0)
})
