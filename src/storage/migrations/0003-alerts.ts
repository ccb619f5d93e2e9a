/** Alerts that were sent: a row each, so that of several processes one sends it. */
import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const STATEMENTS = [
  `create table sluice_alert_claim (
    claim text primary key,
    expires_at timestamptz not null,
    claimed_at timestamptz not null default now()
  )`,
  `create index sluice_alert_claim_expires on sluice_alert_claim (expires_at)`,
]

export const alerts: Migration = {
  id: '0003-alerts',
  async up(transaction) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction)
  },
}
