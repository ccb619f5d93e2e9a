import { expect, test } from 'vitest'
import { askOf, NOTHING_SPENT } from '../../../test/limits/limited-asks.ts'
import type { LimitKind, ScopeAsk } from '../limit-store.ts'
import { Advance, type Returns } from './advance.ts'
import { OwnAdvances } from './own-advances.ts'

const ask = (scope: string, kind: LimitKind): ScopeAsk => askOf(scope, kind, 1_000, NOTHING_SPENT)

const NO_RETURNS: Returns = { giveBack: () => undefined, lessen: () => undefined }

function advanceFor(...asks: readonly ScopeAsk[]): Advance {
  return new Advance({ tokens: 1, cost: 1n, asks }, NO_RETURNS)
}

test('advances of the same first scope are told apart by the others, and by whether budgets are asked', () => {
  const advances = new OwnAdvances<Returns>()
  const [key, team, other] = [ask('key:k', 'budget'), ask('team:t', 'budget'), ask('team:u', 'budget')]
  const free = { ...key, budget: undefined }
  const asked = [[key], [free], [key, team], [key, other]]
  expect(asked.map((asks) => advances.get(asks))).toEqual(asked.map(() => undefined))
  const all = asked.map((asks) => advanceFor(...asks))
  for (const advance of all) advances.add(advance)
  expect(asked.map((asks) => advances.get(asks))).toEqual(all)
  expect(advances.list()).toEqual(all)
})

test('all that ask a scope are found by it, wherever it stands, until they are deleted', () => {
  const advances = new OwnAdvances<Returns>()
  const [key, team, other] = [ask('key:k', 'budget'), ask('team:t', 'budget'), ask('team:u', 'budget')]
  const [one, two] = [advanceFor(key, team), advanceFor(key, other)]
  advances.add(one)
  advances.add(two)
  expect([advances.touching('key:k'), advances.touching('team:t')]).toEqual([[one, two], [one]])
  advances.delete(one)
  expect([advances.touching('key:k'), advances.touching('team:t')]).toEqual([[two], []])
})

test('limits that have changed find the advance that does not fit any more', () => {
  const advances = new OwnAdvances<Returns>()
  const advance = advanceFor(ask('key:k', 'budget'))
  advances.add(advance)
  const changed = [askOf('key:k', 'budget', 2_000, NOTHING_SPENT)]
  expect(advances.get(changed)).toBe(advance)
  expect(advance.fits(changed)).toBe(false)
})

test('what is deleted is found no more, and is deleted once', () => {
  const advances = new OwnAdvances<Returns>()
  const [one, two] = [advanceFor(ask('key:1', 'budget')), advanceFor(ask('key:2', 'budget'))]
  advances.add(one)
  advances.add(two)
  advances.delete(one)
  advances.delete(one)
  expect([advances.size, advances.get(one.asks), advances.get(two.asks)]).toEqual([1, undefined, two])
})
