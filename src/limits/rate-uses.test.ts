/** How much of their rates scopes have used, for metrics. */
import { expect, test } from 'vitest'
import { LOCAL_ON_LOSS } from '../../test/limits/sample-limits.ts'
import { ZERO } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import { createLimits } from './create-limits.ts'

let nowMs = 1_780_000_000_000

const scope: Scope = {
  kind: 'key',
  id: 'key',
  label: 'key',
  requestsPerMinute: 2,
  tokensPerMinute: 1_000,
  parallelRequests: undefined,
  maxBudget: undefined,
  softBudget: undefined,
  budgetWindow: '0',
  resetsAtMs: undefined,
  spent: ZERO,
}

test('the use of a minute is known as of the last call, at a refusal too, and for a minute', async () => {
  const limits = createLimits({
    redis: undefined,
    settings: LOCAL_ON_LOSS,
    clock: () => nowMs,
    observer: {
      admitted: () => undefined,
      refused: () => undefined,
      storeAnswered: () => undefined,
      storeFailed: () => undefined,
      storeError: () => undefined,
    },
  })
  const admit = async (): Promise<unknown> =>
    await limits.admit({
      callId: 'call',
      atMs: nowMs,
      scopes: [scope],
      modelGroup: 'gpt',
      price: undefined,
      inputTokens: 100,
      maxOutputTokens: 10,
    })
  expect(limits.useOf(scope)).toEqual({ requests: 0, tokens: 0 })
  await admit()
  expect(limits.useOf(scope)).toMatchObject({ requests: 1, tokens: 110 })
  await admit()
  await expect(admit()).rejects.toThrow('Limit type: requests')
  expect(limits.useOf(scope)).toMatchObject({ requests: 2, tokens: 220 })
  nowMs += 61_000
  expect(limits.useOf(scope)).toEqual({ requests: 0, tokens: 0 })
  await limits.close()
})
