/** Messages to a store of limits, for its tests. */
import type { AdmitMessage, Refused, ScopeAsk, Settlement } from '../../src/limits/limit-store.ts'
import type { Redis } from '../../src/redis/redis.ts'
import { openStore } from './store-harness.ts'

export const NOTHING = {
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  parallelRequests: undefined,
  budget: undefined,
}
/** Of one key: picodollars are reserved, and a call is under way. */
export const messageOf = (cost: bigint): AdmitMessage => {
  const budget = { account: 'key:1@w', max: 900719925474099300n, spent: 0n }
  return {
    tokens: 0,
    cost,
    asks: [{ ...NOTHING, scope: 'key:1', parallelRequests: 9, budget }],
  }
}
export const settlementOf = ({ asks, cost }: AdmitMessage): Settlement => ({
  asks,
  accounts: ['key:1@w'],
  second: undefined,
  tokensReserved: 0,
  tokens: 0,
  costReserved: cost,
  cost: 0n,
})

/** A call that asks for one scope, and reserves no money. */
export const asking = (scope: string, limits: Partial<ScopeAsk>, tokens = 0): AdmitMessage => ({
  tokens,
  cost: 0n,
  asks: [{ ...NOTHING, scope, ...limits }],
})
/** Of a call that used nothing, but for what is said. */
export const endOf = (message: AdmitMessage, settled: Partial<Settlement>): Settlement => ({
  ...settlementOf(message),
  accounts: [undefined],
  ...settled,
})

/** Calls under way and picodollars reserved of the key, as another process is told that asks for too much. */
export async function heldBy(redis: Redis): Promise<readonly string[]> {
  const store = openStore(redis, { nowMs: Date.UTC(2026, 0, 5) })
  const refusal = async (limits: Partial<ScopeAsk>): Promise<Refused> => {
    const answer = await store.admit({
      tokens: 0,
      cost: 0n,
      asks: [{ ...NOTHING, scope: 'key:1', ...limits }],
    })
    if (answer.admitted) throw new Error('admitted')
    return answer
  }
  const { used } = await refusal({ parallelRequests: 0 })
  const { reserved } = await refusal({ budget: { account: 'key:1@w', max: 0n, spent: 0n } })
  await store.close()
  return [used, reserved]
}
