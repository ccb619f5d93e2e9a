import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import { Secret } from '../config/secret.ts'
import { picodollars } from '../money/picodollars.ts'
import type { ConfiguredLimits } from './configured-scopes.ts'
import { createIdentity, DEFAULT_IDENTITY_SETTINGS, type Identity } from './identity.ts'
import { UNLIMITED } from './shared-scope.ts'

describe.each(['embedded', 'postgresql'] as const)('on %s', (kind) => {
  let held: TestDatabase
  let nowMs: number

  beforeAll(async () => {
    held = await migratedDatabase(kind)
  })
  afterAll(() => held[Symbol.asyncDispose]())
  beforeEach(async () => {
    nowMs = Date.parse('2026-11-22T12:00:00Z')
    await sql`delete from sluice_spend_total`.execute(held.database.sql)
  })

  function identity(): Identity {
    const made = createIdentity({
      database: held.database,
      masterKey: new Secret('sk-master-of-this-test'),
      settings: DEFAULT_IDENTITY_SETTINGS,
      clock: () => nowMs,
    })
    return made
  }

  const settle = async (scope: string, id: string, amount: bigint): Promise<void> => {
    await sql`insert into sluice_spend_total as old (scope, scope_id, picodollars) values (${scope}, ${id}, ${amount})
      on conflict (scope, scope_id) do update set picodollars = old.picodollars + excluded.picodollars`.execute(
      held.database.sql,
    )
  }

  const openai: ConfiguredLimits = {
    ...UNLIMITED,
    kind: 'provider',
    id: 'openai',
    label: 'openai',
    maxBudget: 1_000n,
    duration: '1d',
  }

  test('what a provider has spent in its window is there again after a restart', async () => {
    const first = identity()
    const [scope] = first.configuredScopes([openai])
    await vi.waitFor(async () => {
      const { rows } = await sql`select from sluice_spend_total where window_duration = '1d'`.execute(
        held.database.sql,
      )
      expect(rows).toHaveLength(1)
    })
    await settle('provider', 'openai', 300n)
    first.recordSpend([scope!], picodollars(300n))
    await first.close()
    const second = identity()
    const [again] = second.configuredScopes([openai])
    await vi.waitFor(() => expect(again!.spent).toBe(300n))
    expect(again!.budgetWindow).toBe(scope!.budgetWindow)
    expect(again!.resetsAtMs).toBe(Date.parse('2026-11-23T00:00:00Z'))
    await second.close()
  })

  test('a window begins anew by the clock, though no call asks identity for it', async () => {
    const made = identity()
    const [scope] = made.configuredScopes([openai])
    const window = scope!.budgetWindow
    made.recordSpend([scope!], picodollars(700n))
    nowMs = Date.parse('2026-11-23T00:00:00Z')
    await vi.waitFor(() => expect(scope!.spent).toBe(0n))
    expect(scope!.budgetWindow).not.toBe(window)
    await made.close()
  })

  test('a changed configuration changes the limit, and not what is spent', async () => {
    const made = identity()
    const [scope] = made.configuredScopes([openai])
    made.recordSpend([scope!], picodollars(400n))
    const [changed] = made.configuredScopes([{ ...openai, maxBudget: 2_000n }])
    expect(changed).toMatchObject({ spent: 400n, maxBudget: 2_000n })
    await made.close()
  })
})
