/** `GET /team/list` with many teams. */
import type { KyselyPlugin } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../../test/databases.ts'
import { managementApi, type ManagementApi } from '../../../test/management-api.ts'
import { Secret } from '../../config/secret.ts'
import { createIdentity, DEFAULT_IDENTITY_SETTINGS, type Identity } from '../../identity/identity.ts'

const MASTER = 'sk-master-of-this-test'

let held: TestDatabase
let identity: Identity
let api: ManagementApi
/** Of each answer of the database, how many whole teams it held. */
let teamsRead: number[] = []

const countTeams: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  transformResult: ({ result }) => {
    teamsRead.push(result.rows.filter((row) => 'team_alias' in row).length)
    return Promise.resolve(result)
  },
}

beforeAll(async () => {
  held = await migratedDatabase('postgresql')
  const { database } = held
  const clock = () => Date.parse('2026-11-29T12:00:00Z')
  const masterKey = new Secret(MASTER)
  identity = createIdentity({ database, masterKey, settings: DEFAULT_IDENTITY_SETTINGS, clock })
  const counted = { ...database, sql: database.sql.withPlugin(countTeams) }
  api = managementApi({ database: counted, identity, clock })
})

afterAll(async () => {
  await identity.close()
  await held[Symbol.asyncDispose]()
})

test('a thousand teams are read some at a time, and each is listed once, the oldest first', async () => {
  const { sql } = held.database
  const member = await api.made('/user/new', MASTER, { user_email: 'member@example.org' })
  const userId = String(member['user_id'])
  const teams = Array.from({ length: 1_000 }, (_, index) => `team-${String(index).padStart(4, '0')}`)
  await sql
    .insertInto('sluice_team')
    // As many as come within a transaction have the same time: among them the id decides.
    .values(teams.toReversed().map((id) => ({ team_id: id, team_alias: id })))
    .execute()
  await sql
    .insertInto('sluice_team_membership')
    .values([0, 99, 100, 999].map((at) => ({ team_id: teams[at]!, user_id: userId, role: 'user' })))
    .execute()
  await api.made('/key/generate', MASTER, { team_id: teams[100], key_alias: 'of-a-team' })

  teamsRead = []
  const { body } = await api.get('/team/list', MASTER)
  expect(body).toMatchObject(teams.map((id) => ({ team_id: id, team_alias: id })))
  expect(Math.max(...teamsRead)).toBe(100)
  expect((body as object[])[100]).toMatchObject({
    members_with_roles: [{ user_id: userId }],
    team_memberships: [{ user_id: userId, team_id: teams[100] }],
    keys: [{ key_alias: 'of-a-team' }],
  })

  const { body: own } = await api.get('/team/list', MASTER, { user_id: userId })
  expect(own).toMatchObject([0, 99, 100, 999].map((at) => ({ team_id: teams[at] })))
})
