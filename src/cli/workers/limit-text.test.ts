import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LimitAnswer, LimitStep } from './limit-steps.ts'
import { answersOf, answersText, stepsOf, stepsText } from './limit-text.ts'

const name = fc.string({ unit: 'binary' })
const count = fc.nat()
const amount = fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n })
const orNothing = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

const ask = fc.record({
  scope: name,
  requestsPerMinute: orNothing(count),
  tokensPerMinute: orNothing(count),
  parallelRequests: orNothing(count),
  budget: orNothing(fc.record({ account: name, max: amount, spent: amount })),
})
const asks = fc.array(ask, { maxLength: 3 })

const step: fc.Arbitrary<LimitStep> = fc.oneof(
  fc.record({
    kind: fc.constant('admit' as const),
    message: fc.record({ tokens: count, cost: amount, asks }),
  }),
  fc.record({
    kind: fc.constant('settle' as const),
    settlement: fc.record({
      asks,
      accounts: fc.array(orNothing(name), { maxLength: 3 }),
      second: orNothing(count),
      tokensReserved: count,
      tokens: count,
      costReserved: amount,
      cost: amount,
    }),
  }),
  fc.record({
    kind: fc.constant('tally' as const),
    tally: fc.record({
      asks,
      second: count,
      ended: count,
      unneeded: count,
      tokensBack: count,
      tokensMore: count,
      costBack: amount,
      cost: amount,
    }),
  }),
  fc.record({ kind: fc.constant('close' as const), id: count }),
)

const use = fc.record({ requests: count, tokens: count, parallel: count, settled: orNothing(amount) })

const answer: fc.Arbitrary<LimitAnswer> = fc.oneof(
  fc.record({ ticket: count }),
  fc.record({
    admitted: fc.constant(true as const),
    second: count,
    uses: fc.array(use, { maxLength: 3 }),
  }),
  fc.record({
    admitted: fc.constant(false as const),
    ask: count,
    limit: fc.constantFrom('requests' as const, 'tokens' as const, 'parallel' as const, 'budget' as const),
    used: amount.map(String),
    reserved: amount.map(String),
    freeInMs: count,
  }),
)

test('steps come out of their text as they went in, amounts of any size to the last picodollar', () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      expect(stepsOf(stepsText(steps))).toEqual(steps)
    }),
  )
})

test('answers come out of their text as they went in', () => {
  fc.assert(
    fc.property(fc.array(answer), (answers) => {
      expect(answersOf(answersText(answers))).toEqual(answers)
    }),
  )
})
