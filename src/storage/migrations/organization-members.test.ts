import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { startPostgresql } from '../../../test/postgresql.ts'
import { migrate } from '../migrate.ts'
import { openDatabase } from '../open-database.ts'
import { findOrganizationMembers } from '../queries/principals-organization-members.ts'
import { MIGRATIONS } from './index.ts'

test('memberships that an import has kept with their users become rows, where what they point at is there', async () => {
  await using server = await startPostgresql()
  const database = await openDatabase({ url: server.url })
  try {
    await migrate(
      database,
      MIGRATIONS.filter(({ id }) => id < '0008'),
    )
    const run = async (text: string): Promise<void> => void (await sql.raw(text).execute(database.sql))
    await run(`insert into sluice_budget (budget_id, max_budget) values ('b', 5)`)
    await run(
      `insert into sluice_organization (organization_id, organization_alias) values ('o', 'O'), ('p', 'P')`,
    )
    const kept = [
      { organization_id: 'o', user_role: 'org_admin', budget_id: 'b' },
      { organization_id: 'p', user_role: 'owner', budget_id: 'gone' },
      { organization_id: 'gone', user_role: 'internal_user' },
    ]
    await sql`insert into sluice_user (user_id, user_role, details) values
      ('u', 'internal_user', ${JSON.stringify({ organization_memberships: kept })}),
      ('v', 'internal_user', ${JSON.stringify({ organization_memberships: 'none' })}),
      ('w', 'internal_user', '{}')`.execute(database.sql)
    await migrate(database)
    const members = await findOrganizationMembers(database.sql, ['o', 'p', 'gone'])
    expect(members).toHaveLength(2)
    expect(members).toMatchObject([
      { organization_id: 'o', user_id: 'u', role: 'org_admin', budget_id: 'b' },
      { organization_id: 'p', user_id: 'u', role: 'internal_user_viewer', budget_id: null },
    ])
  } finally {
    await database.close()
  }
})
