import { expect, test } from 'vitest'
import type { ScopeAsk } from '../../limits/limit-store.ts'
import { MemoryLimitStore } from '../../limits/memory-store.ts'
import { RisingSpend } from './rising-spend.ts'

const ACCOUNT = 'key:k@w'

function asksKnowing(spent: bigint): readonly ScopeAsk[] {
  const budget = { account: ACCOUNT, max: 1000000n, spent }
  const unlimited = { requestsPerMinute: undefined, tokensPerMinute: undefined, parallelRequests: undefined }
  return [{ scope: 'key:k', ...unlimited, budget }]
}

/** A count at 100, of which workers settle while others know of more. */
function counted() {
  const store = new MemoryLimitStore(() => 1_000_000)
  const rising = new RisingSpend(store)
  store.spent(ACCOUNT, 100n)
  return {
    rising,
    settle(worker: string, cost: bigint): void {
      store.spent(ACCOUNT, cost)
      rising.settled(worker, [ACCOUNT], cost)
    },
    get settled(): bigint | undefined {
      const answer = store.admit({ tokens: 0, cost: 0n, asks: asksKnowing(0n) })
      return answer.admitted ? answer.uses[0]?.settled : undefined
    },
  }
}

test('what others had settled is a part of what is known to be spent, what the asker settles comes on top', () => {
  const count = counted()
  const raise = count.rising.begin('one', asksKnowing(150n))
  count.settle('two', 30n)
  count.settle('one', 7n)
  count.rising.end(raise)
  expect(count.settled).toBe(157n)
})

test('what others settled beyond it is not lowered', () => {
  const count = counted()
  const raise = count.rising.begin('one', asksKnowing(150n))
  count.settle('two', 70n)
  count.rising.end(raise)
  expect(count.settled).toBe(170n)
})

test('two who know of the same spend count it once', () => {
  const count = counted()
  const raises = [count.rising.begin('one', asksKnowing(150n)), count.rising.begin('two', asksKnowing(160n))]
  for (const raise of raises) count.rising.end(raise)
  expect(count.settled).toBe(160n)
})

test('who is gone raises nothing any more', () => {
  const count = counted()
  count.rising.begin('one', asksKnowing(150n))
  count.rising.gone('one')
  count.settle('two', 1n)
  expect(count.settled).toBe(101n)
})
