/** What is left of budgets and rates, as a scrape shows it. */
import { expect, test } from 'vitest'
import { readExposition, samplesOf, valueOf } from '../../../test/telemetry/read-exposition.ts'
import { parseDollars, ZERO } from '../../money/picodollars.ts'
import type { Scope } from '../../record/scope.ts'
import { renderMetrics, writeExposition } from './exposition.ts'
import { MetricsRegistry, OVERFLOW } from './registry.ts'
import { ScopeGauges, type ScopeGaugeSettings } from './scope-gauges.ts'
import { BUDGET_GAUGES, RATE_GAUGES } from './scope-metrics.ts'

const NOW_MS = 1_780_000_000_000
const KEY = 'ab'.repeat(32)

function scopeOf(changes: Partial<Scope> & Pick<Scope, 'kind' | 'id'>): Scope {
  return {
    label: changes.id,
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    parallelRequests: undefined,
    maxBudget: undefined,
    softBudget: undefined,
    budgetWindow: '0',
    resetsAtMs: undefined,
    spent: ZERO,
    ...changes,
  }
}

/** A registry whose scrapes show these scopes. */
function registryOf(scopes: () => readonly Scope[], settings: Partial<ScopeGaugeSettings> = {}) {
  const registry = new MetricsRegistry()
  const source = { scopes, useOf: () => ({ requests: 7, tokens: 700 }) }
  new ScopeGauges(registry, source, { endUsers: false, userNames: false, ...settings }, () => NOW_MS)
  return registry
}

function scraper(...of: Parameters<typeof registryOf>) {
  const registry = registryOf(...of)
  return () => readExposition([...writeExposition(registry, 'prometheus')].join(''))
}

test('a budget shows what is left, how large it is, and when it begins anew', () => {
  const team = scopeOf({
    kind: 'team',
    id: 'team-1',
    alias: 'Platform',
    maxBudget: parseDollars('10'),
    spent: parseDollars('12.5'),
    resetsAtMs: NOW_MS + 5_400_000,
  })
  const page = scraper(() => [team])()
  const labels = { team: 'team-1', team_alias: 'Platform' }
  expect(valueOf(page, BUDGET_GAUGES.teamRemaining.name, labels)).toBe(-2.5)
  expect(valueOf(page, BUDGET_GAUGES.teamMax.name, labels)).toBe(10)
  expect(valueOf(page, BUDGET_GAUGES.teamHours.name, labels)).toBe(1.5)
})

test('a scope without budget and limits, and one that is gone, have no series', () => {
  const key = scopeOf({ kind: 'key', id: KEY, maxBudget: parseDollars('1') })
  let scopes = [key, scopeOf({ kind: 'team', id: 'unlimited' })]
  const scrape = scraper(() => scopes)
  const page = scrape()
  expect(samplesOf(page, BUDGET_GAUGES.keyRemaining.name)).toEqual([
    {
      name: BUDGET_GAUGES.keyRemaining.name,
      labels: { hashed_api_key: KEY, api_key_alias: 'None' },
      value: 1,
    },
  ])
  expect(samplesOf(page, BUDGET_GAUGES.keyHours.name)).toEqual([])
  expect(samplesOf(page, BUDGET_GAUGES.teamRemaining.name)).toEqual([])
  scopes = []
  expect(samplesOf(scrape(), BUDGET_GAUGES.keyRemaining.name)).toEqual([])
  scopes = [key]
  expect(valueOf(scrape(), BUDGET_GAUGES.keyRemaining.name)).toBe(1)
})

test('another name is another series, in the place of the old one', () => {
  let alias = 'old'
  const scrape = scraper(() => [
    Object.assign(team, {
      alias,
    }),
  ])
  const team = scopeOf({ kind: 'team', id: 'team-1', maxBudget: parseDollars('1') })
  expect(valueOf(scrape(), BUDGET_GAUGES.teamMax.name, { team_alias: 'old' })).toBe(1)
  alias = 'new'
  const aliases = samplesOf(scrape(), BUDGET_GAUGES.teamMax.name).map(({ labels }) => labels['team_alias'])
  expect(aliases).toEqual(['new'])
})

test('budgets of users have their names, and those of end users are shown, only where the settings say so', () => {
  const user = scopeOf({
    kind: 'user',
    id: 'user-1',
    email: 'a@example.com',
    alias: 'Ada',
    maxBudget: parseDollars('1'),
  })
  const customer = scopeOf({ kind: 'end_user', id: 'customer-1', maxBudget: parseDollars('1') })
  const plain = scraper(() => [user, customer])()
  expect(samplesOf(plain, BUDGET_GAUGES.userMax.name)[0]?.labels).toEqual({ user: 'user-1' })
  expect(samplesOf(plain, BUDGET_GAUGES.customerMax.name)).toEqual([])
  const named = scraper(() => [user, customer], { userNames: true, endUsers: true })()
  expect(samplesOf(named, BUDGET_GAUGES.userMax.name)[0]?.labels).toEqual({
    user: 'user-1',
    user_email: 'a@example.com',
    user_alias: 'Ada',
  })
  expect(samplesOf(named, BUDGET_GAUGES.customerMax.name)[0]?.labels).toEqual({ end_user: 'customer-1' })
})

test('limited keys and teams show what they may use and have used; a model within a key what is left', () => {
  const limits = { requestsPerMinute: 5, tokensPerMinute: 1_000 }
  const page = scraper(() => [
    scopeOf({ kind: 'key', id: KEY, alias: 'ci', ...limits }),
    scopeOf({ kind: 'team', id: 'team-1', tokensPerMinute: 9_000 }),
    scopeOf({ kind: 'key_model', id: `${KEY}::gpt-5::x`, alias: 'ci', ...limits }),
  ])()
  const ofKey = { api_key_alias: 'ci' }
  expect(valueOf(page, RATE_GAUGES.keyAllowed.name, { ...ofKey, rate_limit_type: 'requests' })).toBe(5)
  expect(valueOf(page, RATE_GAUGES.keyUsed.name, { ...ofKey, rate_limit_type: 'requests' })).toBe(7)
  expect(valueOf(page, RATE_GAUGES.keyUsed.name, { ...ofKey, rate_limit_type: 'tokens' })).toBe(700)
  expect(samplesOf(page, RATE_GAUGES.teamUsed.name)).toHaveLength(1)
  expect(samplesOf(page, RATE_GAUGES.keyModelRequests.name)).toEqual([
    {
      name: RATE_GAUGES.keyModelRequests.name,
      labels: { hashed_api_key: KEY, api_key_alias: 'ci', model: 'gpt-5::x', model_id: 'None' },
      value: 0,
    },
  ])
  expect(valueOf(page, RATE_GAUGES.keyModelTokens.name)).toBe(300)
})

test('past the bound of a metric budgets are left out and counted, and never folded together', () => {
  const scopes = Array.from({ length: 10_005 }, (_, index) =>
    scopeOf({ kind: 'team', id: `team-${index}`, maxBudget: parseDollars('1') }),
  )
  const page = scraper(() => scopes)()
  expect(samplesOf(page, BUDGET_GAUGES.teamMax.name)).toHaveLength(10_000)
  expect(samplesOf(page, BUDGET_GAUGES.teamMax.name, { team: 'other' })).toEqual([])
  expect(valueOf(page, OVERFLOW.name, { metric: BUDGET_GAUGES.teamMax.name })).toBe(5)
})

test('many budgets are read over many turns, and two scrapes at the same time show all of them', async () => {
  const scopes = Array.from({ length: 5_000 }, (_, index) =>
    scopeOf({ kind: 'team', id: `team-${index}`, maxBudget: parseDollars('1') }),
  )
  const registry = registryOf(() => scopes)
  let turns = 0
  let reading = true
  const count = (): void => {
    turns += 1
    if (reading) setImmediate(count)
  }
  setImmediate(count)
  const pages = await Promise.all([renderMetrics(registry, undefined), renderMetrics(registry, undefined)])
  reading = false
  expect(turns).toBeGreaterThan(20)
  for (const { body } of pages)
    expect(samplesOf(readExposition(await body.text()), BUDGET_GAUGES.teamMax.name)).toHaveLength(5_000)
})
