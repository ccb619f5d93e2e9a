/** Reports tell of whole days, once over all processes. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from 'kysely'
import type { Database } from '../storage/database.ts'
import { parseDollars } from '../money/picodollars.ts'
import { settingsOf } from '../../test/alerts/samples.ts'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import type { Alert } from './alert.ts'
import { Reports } from './reports.ts'

let stored: TestDatabase

beforeAll(async () => {
  stored = await migratedDatabase('embedded')
  await sql`insert into sluice_team (team_id, team_alias) values ('t1', 'Platform')`.execute(
    stored.database.sql,
  )
  await book(stored.database, '2026-03-03', 'gpt', 't1', 2, 10, 4)
  await book(stored.database, '2026-03-04', 'gpt', 't1', 1.5, 100, 98)
  await book(stored.database, '2026-03-04', 'claude', '', 3, 10, 10)
  await book(stored.database, '2026-03-05', 'gpt', 't1', 50, 1, 1)
})

afterAll(async () => {
  await stored[Symbol.asyncDispose]()
})

async function book(
  database: Database,
  day: string,
  group: string,
  team: string,
  dollars: number,
  requests: number,
  successes: number,
): Promise<void> {
  await sql`
    insert into sluice_daily_spend (day, key_hash, user_id, team_id, organization_id, model, model_group, provider, route,
      picodollars, requests, successes)
    values (${day}::date, 'k', '', ${team}, '', ${group}, ${group}, 'openai', '/v1/chat/completions',
      ${parseDollars(dollars)}, ${requests}, ${successes})`.execute(database.sql)
}

test('the daily report tells of the day before, and one of several processes sends it', async () => {
  const sent: Alert[] = []
  const settings = settingsOf({ types: new Set(['daily_reports']) })
  const processes = [1, 2, 3].map(() => new Reports(stored.database, (alert) => void sent.push(alert)))
  const at = Date.parse('2026-03-05T00:00:07Z')
  await Promise.all(processes.map((reports) => reports.sendDue(settings, at)))
  for (const reports of processes) await reports.sendDue(settings, at + 3_600_000)
  await new Reports(stored.database, (alert) => void sent.push(alert)).sendDue(settings, at + 7_200_000)
  expect(sent).toHaveLength(1)
  expect(sent[0]?.title).toBe('Report of 2026-03-04')
  expect(sent[0]?.facts).toEqual([
    ['All', '110 calls, 2 failed, 4.5 USD'],
    ['Failed most, gpt', '2 of 100 calls'],
    ['Model claude', '3 USD, 10 calls'],
    ['Model gpt', '1.5 USD, 100 calls'],
  ])
})

test('the report of spend tells of the week from Monday to Sunday, by model and by team', async () => {
  const sent: Alert[] = []
  const settings = settingsOf({ types: new Set(['spend_reports']) })
  const reports = new Reports(stored.database, (alert) => void sent.push(alert))
  await reports.sendDue(settings, Date.parse('2026-03-11T10:00:00Z'))
  expect(sent.map(({ title }) => title)).toEqual(['Report of 2026-03-02 to 2026-03-08'])
  expect(sent[0]?.facts).toEqual([
    ['All', '121 calls, 8 failed, 56.5 USD'],
    ['Model gpt', '53.5 USD, 111 calls'],
    ['Model claude', '3 USD, 10 calls'],
    ['Team Platform', '53.5 USD, 111 calls'],
    ['Team (none)', '3 USD, 10 calls'],
  ])
})

test('days without calls are no report', async () => {
  const sent: Alert[] = []
  const reports = new Reports(stored.database, (alert) => void sent.push(alert))
  await reports.sendDue(settingsOf(), Date.parse('2027-01-01T00:00:00Z'))
  expect(sent).toEqual([])
})
