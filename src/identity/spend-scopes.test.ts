import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDollars, picodollars } from '../money/picodollars.ts'
import { checkBudgets, recordSpend } from './budgets.ts'
import { MASTER_PRINCIPAL } from './build-principal.ts'
import { SpendScopes, type ScopeFacts } from './spend-scopes.ts'

const FACTS: ScopeFacts = {
  kind: 'key',
  id: 'k',
  label: 'ci (sk-...abcd)',
  maxBudget: parseDollars(10),
  total: 0n,
  baseline: 0n,
  resetsAt: new Date('2026-12-01T00:00:00Z'),
}

test('one scope is one object, so that what one principal spends all others see', () => {
  const scopes = new SpendScopes()
  expect(scopes.take(FACTS)).toBe(scopes.take(FACTS))
  expect(scopes.take({ ...FACTS, id: 'other' })).not.toBe(scopes.take(FACTS))
})

test('a refresh before the ledger has written keeps what this process has settled', () => {
  const scopes = new SpendScopes()
  const principal = { ...MASTER_PRINCIPAL, scopes: [scopes.take(FACTS)] }
  recordSpend(principal.scopes, parseDollars(3))
  scopes.take({ ...FACTS, total: parseDollars(1) })
  expect(principal.scopes[0]!.spent).toBe(parseDollars(3))
  scopes.take({ ...FACTS, total: parseDollars(5) })
  expect(principal.scopes[0]!.spent).toBe(parseDollars(5))
})

test('a reset by an administrator or a new window takes effect at the next refresh', () => {
  const scopes = new SpendScopes()
  const scope = scopes.take({ ...FACTS, total: parseDollars(12) })
  scopes.take({ ...FACTS, total: parseDollars(12), baseline: parseDollars(12) })
  expect(scope.spent).toBe(0n)
})

test('without a reset no order of spending and refreshing lowers what was spent', () => {
  const step = fc.oneof(
    fc.record({ spend: fc.bigInt(0n, 1_000n) }),
    fc.record({ total: fc.bigInt(0n, 5_000n) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const scopes = new SpendScopes()
      const scope = scopes.take(FACTS)
      for (const each of steps) {
        const before = scope.spent
        if ('spend' in each) recordSpend([scope], picodollars(each.spend))
        else scopes.take({ ...FACTS, total: each.total })
        expect(scope.spent).toBeGreaterThanOrEqual(before)
      }
    }),
  )
})

test('a scope at its budget is refused, and the refusal names it, its spend, its budget and when it begins anew', () => {
  const scope = new SpendScopes().take({ ...FACTS, total: parseDollars('9.999999999999') })
  const principal = { ...MASTER_PRINCIPAL, scopes: [scope] }
  expect(() => checkBudgets(principal.scopes)).not.toThrow()
  recordSpend(principal.scopes, picodollars(1n))
  expect(() => checkBudgets(principal.scopes)).toThrow(
    'Budget has been exceeded! Key=ci (sk-...abcd). Current cost: 10, Max budget: 10. ' +
      'The budget begins anew at 2026-12-01T00:00:00.000Z.',
  )
})

test('a budget of zero allows nothing', () => {
  const scope = new SpendScopes().take({ ...FACTS, maxBudget: 0n })
  expect(() => checkBudgets([scope])).toThrow('Budget has been exceeded')
})
