/** Budgets as metrics show them: before the first call, and as other processes leave them. */
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import type { Scope } from '../record/scope.ts'
import type { Database } from '../storage/database.ts'
import { BudgetSurvey } from './budget-survey.ts'
import { ScopeBook } from './scope-book.ts'

const NOW_MS = Date.parse('2026-11-22T12:00:00Z')

const KEY_HASH = 'ab'.repeat(32)

let nowMs = NOW_MS

const dollars = (amount: number): bigint => BigInt(amount) * 1_000_000_000_000n

/** A process: what it has in memory, and what it shows. */
class Pod {
  readonly book: ScopeBook
  readonly survey: BudgetSurvey

  constructor(database: Database, shared: boolean) {
    const clock = (): number => nowMs
    this.book = new ScopeBook(database, clock)
    this.survey = new BudgetSurvey({ database, book: this.book, clock, shared })
  }

  shown(kind: Scope['kind'], id: string): Scope | undefined {
    return [...this.survey.scopes()].find((scope) => scope.kind === kind && scope.id === id)
  }

  async close(): Promise<void> {
    this.book.close()
    await this.survey.close()
  }
}

describe.each(['embedded', 'postgresql'] as const)('on %s', (kind) => {
  let held: TestDatabase
  let pod: Pod

  beforeAll(async () => {
    held = await migratedDatabase(kind)
  })
  afterAll(() => held[Symbol.asyncDispose]())

  beforeEach(async () => {
    nowMs = NOW_MS
    await sql`truncate sluice_team, sluice_user, sluice_virtual_key, sluice_spend_total, sluice_organization,
      sluice_customer, sluice_budget, sluice_team_membership cascade`.execute(held.database.sql)
    pod = new Pod(held.database, true)
  })
  afterEach(() => pod.close())

  const team = async (id: string, budget: bigint | null, alias = 'Platform'): Promise<void> => {
    await sql`insert into sluice_team (team_id, team_alias, max_budget, budget_duration)
      values (${id}, ${alias}, ${budget}, '30d')
      on conflict (team_id) do update set max_budget = excluded.max_budget, team_alias = excluded.team_alias
    `.execute(held.database.sql)
  }
  const spend = async (scope: string, id: string, amount: bigint): Promise<void> => {
    await sql`insert into sluice_spend_total as old (scope, scope_id, picodollars) values (${scope}, ${id}, ${amount})
      on conflict (scope, scope_id) do update set picodollars = old.picodollars + excluded.picodollars
    `.execute(held.database.sql)
  }

  test('with all budgets asked for, each that the database has is shown before its first call', async () => {
    await team('team-1', dollars(10))
    await team('team-2', null)
    await spend('team', 'team-1', dollars(3))
    await sql`insert into sluice_budget (budget_id, max_budget) values ('b', ${dollars(5)})`.execute(
      held.database.sql,
    )
    await sql`insert into sluice_virtual_key (key_hash, key_name, key_alias, budget_id)
      values (${KEY_HASH}, 'sk-...abcd', 'ci', 'b')`.execute(held.database.sql)
    await sql`insert into sluice_user (user_id, user_email, user_role, max_budget)
      values ('user-1', 'a@example.com', 'internal_user', ${dollars(2)})`.execute(held.database.sql)
    await sql`insert into sluice_customer (customer_id, budget_id) values ('customer-1', 'b')`.execute(
      held.database.sql,
    )
    pod.survey.configure(true)
    await vi.waitFor(() => expect(pod.survey.population).toBeDefined())
    expect(pod.shown('team', 'team-1')).toMatchObject({
      alias: 'Platform',
      maxBudget: dollars(10),
      spent: dollars(3),
    })
    expect(pod.shown('team', 'team-1')?.resetsAtMs).toBeGreaterThan(nowMs)
    expect(pod.shown('team', 'team-2')).toBeUndefined()
    expect(pod.shown('key', KEY_HASH)).toMatchObject({
      alias: 'ci',
      label: 'ci (sk-...abcd)',
      maxBudget: dollars(5),
    })
    expect(pod.shown('user', 'user-1')).toMatchObject({ email: 'a@example.com', maxBudget: dollars(2) })
    expect(pod.shown('end_user', 'customer-1')).toMatchObject({ maxBudget: dollars(5) })
    expect(pod.survey.population).toMatchObject({ users: 1, teams: 2 })
  })

  test('more budgets than a page are all listed, and a new one after it was told', async () => {
    await sql`insert into sluice_team (team_id, max_budget)
      select 'team-' || i, 1 from generate_series(1, 1203) i`.execute(held.database.sql)
    pod.survey.configure(true)
    await vi.waitFor(() => expect(pod.survey.population).toBeDefined())
    expect([...pod.survey.scopes()]).toHaveLength(1_203)
    await team('new', dollars(1))
    pod.survey.changed()
    await pod.survey.round()
    expect(pod.shown('team', 'new')).toBeUndefined()
    nowMs += 10_000
    await pod.survey.round()
    expect(pod.shown('team', 'new')).toMatchObject({ maxBudget: dollars(1) })
  })

  test('what another process changes and spends is shown, of a scope that no call here asks for', async () => {
    await team('team-1', dollars(10))
    await spend('team', 'team-1', dollars(1))
    pod.survey.configure(true)
    await vi.waitFor(() => expect(pod.survey.population).toBeDefined())
    pod.survey.configure(false)
    const scope = pod.shown('team', 'team-1')
    expect(scope).toMatchObject({ spent: dollars(1) })
    await spend('team', 'team-1', dollars(4))
    await team('team-1', dollars(20), 'Renamed')
    await pod.survey.round()
    expect(pod.shown('team', 'team-1')).toBe(scope)
    expect(scope).toMatchObject({ spent: dollars(5), maxBudget: dollars(20), alias: 'Renamed' })
  })

  test('a scope without a row of its own is shown with what others have spent of it', async () => {
    const scope = pod.book.take({
      kind: 'provider',
      id: 'openai',
      label: 'openai',
      maxBudget: dollars(10),
      softBudget: null,
      requestsPerMinute: null,
      tokensPerMinute: null,
      parallelRequests: null,
      duration: null,
      spend: {
        total: 0n,
        baseline: 0n,
        ahead: 0n,
        duration: undefined,
        startedAtMs: undefined,
        endsAtMs: undefined,
      },
    })
    expect(pod.shown('provider', 'openai')).toBe(scope)
    await spend('provider', 'openai', dollars(2))
    await pod.survey.round()
    expect(scope.spent).toBe(dollars(2))
  })

  test('nothing is read while nobody looks at the metrics', async () => {
    await team('team-1', dollars(10))
    pod.survey.configure(true)
    await vi.waitFor(() => expect(pod.survey.population).toBeDefined())
    pod.survey.configure(false)
    const scope = pod.shown('team', 'team-1')
    nowMs += 300_000
    await spend('team', 'team-1', dollars(1))
    await pod.survey.round()
    expect(scope?.spent).toBe(0n)
  })

  test('an answer that was asked for before a change does not undo it', async () => {
    await team('team-1', dollars(10))
    pod.survey.configure(true)
    await vi.waitFor(() => expect(pod.survey.population).toBeDefined())
    const scope = pod.shown('team', 'team-1')
    await team('team-1', dollars(99))
    const round = pod.survey.round()
    pod.survey.changed()
    await round
    expect(scope?.maxBudget).toBe(dollars(10))
  })
})
