import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDollars, picodollars, ZERO } from '../money/picodollars.ts'
import { isLimited } from '../record/scope.ts'
import { NO_SPEND, type ScopeSpend } from '../storage/queries/spend-windows.ts'
import { UTC_CALENDAR } from './calendar.ts'
import { SharedScope, UNLIMITED, type ScopeFacts } from './shared-scope.ts'

const at = (iso: string): number => Date.parse(iso)
const START_MS = at('2026-11-22T12:00:00Z')
const DECEMBER_MS = at('2026-12-01T00:00:00Z')

const SPEND: ScopeSpend = { ...NO_SPEND, duration: '30d', endsAtMs: DECEMBER_MS }

const FACTS: ScopeFacts = {
  kind: 'key',
  id: 'k',
  label: 'ci (sk-...abcd)',
  ...UNLIMITED,
  maxBudget: parseDollars(10),
  duration: '30d',
  spend: SPEND,
}

function scopeOf(facts: Partial<ScopeFacts> = {}, nowMs = START_MS): SharedScope {
  const scope = new SharedScope('key', 'k')
  scope.refresh({ ...FACTS, ...facts }, nowMs, UTC_CALENDAR)
  return scope
}

function refresh(scope: SharedScope, facts: Partial<ScopeFacts>, nowMs = START_MS): void {
  scope.refresh({ ...FACTS, ...facts }, nowMs, UTC_CALENDAR)
}

function spend(scope: SharedScope, dollars: number): void {
  scope.spent = picodollars(scope.spent + parseDollars(dollars))
}

test('a refresh before the ledger has written keeps what this process has settled', () => {
  const scope = scopeOf()
  spend(scope, 3)
  refresh(scope, { spend: { ...SPEND, total: parseDollars(1) } })
  expect(scope.spent).toBe(parseDollars(3))
  refresh(scope, { spend: { ...SPEND, total: parseDollars(5) } })
  expect(scope.spent).toBe(parseDollars(5))
})

test('spend that an administrator sets is taken up at once, and names another zero', () => {
  const scope = scopeOf({ spend: { ...SPEND, total: parseDollars(12) } })
  const before = scope.budgetWindow
  const reset = { ...SPEND, total: parseDollars(12), baseline: parseDollars(11), startedAtMs: START_MS }
  refresh(scope, { spend: reset })
  expect(scope.spent).toBe(parseDollars(1))
  expect(scope.budgetWindow).not.toBe(before)
})

test('an answer from before a reset does not undo it', () => {
  const scope = scopeOf({ spend: { ...SPEND, total: 12n, baseline: 12n, startedAtMs: START_MS } })
  refresh(scope, { spend: { ...SPEND, total: parseDollars(12) } })
  expect(scope.spent).toBe(0n)
})

test('without a reset no order of spending and refreshing lowers what was spent', () => {
  const step = fc.oneof(
    fc.record({ spend: fc.bigInt(0n, 1_000n) }),
    fc.record({ total: fc.bigInt(0n, 5_000n) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const scope = scopeOf()
      for (const each of steps) {
        const before = scope.spent
        if ('spend' in each) scope.spent = picodollars(before + each.spend)
        else refresh(scope, { spend: { ...SPEND, total: each.total } })
        expect(scope.spent).toBeGreaterThanOrEqual(before)
      }
    }),
  )
})

test('a window that ends begins anew by the clock alone, at the moment at which it ends', () => {
  const scope = scopeOf({ spend: { ...SPEND, total: parseDollars(12) } })
  scope.advance(DECEMBER_MS - 1, UTC_CALENDAR)
  expect(scope.spent).toBe(parseDollars(12))
  scope.advance(DECEMBER_MS, UTC_CALENDAR)
  expect(scope).toMatchObject({
    spent: ZERO,
    resetsAtMs: at('2027-01-01T00:00:00Z'),
    budgetWindow: String(DECEMBER_MS),
  })
})

test('processes name a window alike, whether it began by the clock or in the database', () => {
  const byClock = scopeOf({ spend: { ...SPEND, total: 5n } })
  byClock.advance(DECEMBER_MS + 7, UTC_CALENDAR)
  const begunLate = scopeOf({ spend: { ...SPEND, total: 5n, ahead: 2n } }, DECEMBER_MS + 9)
  const begun = {
    ...SPEND,
    total: 5n,
    baseline: 3n,
    startedAtMs: DECEMBER_MS,
    endsAtMs: at('2027-01-01T00:00:00Z'),
  }
  const inDatabase = scopeOf({ spend: begun }, DECEMBER_MS + 9)
  expect(begunLate.budgetWindow).toBe(byClock.budgetWindow)
  expect(inDatabase.budgetWindow).toBe(byClock.budgetWindow)
  expect([begunLate.spent, inDatabase.spent]).toEqual([2n, 2n])
})

test('what the database says of a window that has ended here does not count in the next one', () => {
  const scope = scopeOf()
  scope.advance(DECEMBER_MS, UTC_CALENDAR)
  spend(scope, 1)
  const late = { ...SPEND, total: parseDollars(12), ahead: parseDollars(0.5) }
  refresh(scope, { spend: late }, DECEMBER_MS + 10)
  expect(scope.spent).toBe(parseDollars(1))
})

test('a budget of another length is a window to be written down, and what was spent goes on counting', () => {
  const scope = scopeOf({ spend: { ...SPEND, total: parseDollars(4) } })
  expect(scope.windowToWrite).toBeUndefined()
  refresh(scope, { duration: '7d', spend: { ...SPEND, total: parseDollars(4) } })
  expect(scope.windowToWrite).toEqual({
    kind: 'key',
    id: 'k',
    window: { duration: '7d', endsAtMs: at('2026-11-23T00:00:00Z') },
  })
  expect(scope.spent).toBe(parseDollars(4))
  refresh(scope, { duration: null, spend: { ...SPEND, total: parseDollars(4) } })
  expect(scope.windowToWrite).toMatchObject({ window: null })
  expect(scope.resetsAtMs).toBeUndefined()
})

test('a temporary increase is in force until its end', () => {
  const increase = { amount: parseDollars(5), untilMs: START_MS + 60_000 }
  const scope = scopeOf({ increase })
  expect(scope.maxBudget).toBe(parseDollars(15))
  scope.advance(START_MS + 60_000, UTC_CALENDAR)
  expect(scope.maxBudget).toBe(parseDollars(10))
  refresh(scope, { increase, maxBudget: null }, START_MS)
  expect(scope.maxBudget).toBeUndefined()
})

test('limits of the rows become limits of the scope, and none limit nothing', () => {
  const scope = scopeOf({ requestsPerMinute: 5n, tokensPerMinute: 0n, parallelRequests: 2n, softBudget: 3n })
  expect(scope).toMatchObject({
    requestsPerMinute: 5,
    tokensPerMinute: 0,
    parallelRequests: 2,
    softBudget: 3n,
    label: 'ci (sk-...abcd)',
  })
  expect(isLimited(scopeOf({ maxBudget: null }))).toBe(false)
})
