import { sql, type PluginTransformQueryArgs } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import { checkBudgets } from '../../test/limits/check-budgets.ts'
import { startPostgresql } from '../../test/postgresql.ts'
import { Secret } from '../config/secret.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { parseDollars, type Picodollars } from '../money/picodollars.ts'
import type { Database } from '../storage/database.ts'
import { migrate } from '../storage/migrate.ts'
import { openDatabase } from '../storage/open-database.ts'
import { announceChanges } from '../storage/queries/principals.ts'
import { hashCredential } from './credential.ts'
import {
  createIdentity,
  DEFAULT_IDENTITY_SETTINGS,
  type Identity,
  type IdentitySettings,
} from './identity.ts'
import type { Principal } from './principal.ts'

const MASTER_KEY = 'sk-master-of-this-test'
const START_MS = Date.parse('2026-11-22T12:00:00Z')

let nowMs = START_MS
let keyCount = 0
const open: Identity[] = []

function identityOver(
  database: Database,
  settings: Partial<IdentitySettings> = {},
  pollIntervalMs?: number,
): Identity {
  const identity = createIdentity({
    database,
    masterKey: new Secret(MASTER_KEY),
    settings: { ...DEFAULT_IDENTITY_SETTINGS, ...settings },
    clock: () => nowMs,
    ...(pollIntervalMs === undefined ? {} : { pollIntervalMs }),
  })
  open.push(identity)
  return identity
}

const asks = (identity: Identity, key: string) => identity.authenticate({ 'x-api-key': key })

async function refusal(action: () => unknown): Promise<GatewayError> {
  try {
    await action()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

interface KeyColumns {
  readonly user_id?: string
  readonly team_id?: string
  readonly models?: string[]
  readonly max_budget?: bigint
  readonly blocked?: boolean
  readonly expires_at?: Date
  readonly budget_duration?: string
}

async function insertedKey(database: Database, columns: KeyColumns = {}): Promise<string> {
  const raw = `sk-key-${keyCount++}-of-this-test`
  await database.sql
    .insertInto('sluice_virtual_key')
    .values({ key_hash: hashCredential(raw), key_name: `sk-...${raw.slice(-4)}`, ...columns })
    .execute()
  return raw
}

async function insertedKeys(database: Database, count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, () => `sk-key-${keyCount++}-of-this-test`)
  const rows = keys.map((key) => ({ key_hash: hashCredential(key), key_name: `sk-...${key.slice(-4)}` }))
  await database.sql.insertInto('sluice_virtual_key').values(rows).execute()
  return keys
}

async function book(database: Database, scope: string, id: string, amount: Picodollars): Promise<void> {
  await database.sql
    .insertInto('sluice_spend_total')
    .values({ scope, scope_id: id, picodollars: amount })
    .onConflict((conflict) => conflict.columns(['scope', 'scope_id']).doUpdateSet({ picodollars: amount }))
    .execute()
}

/** The same database, counting the queries that go through. */
function counting(database: Database): { readonly database: Database; count: number } {
  const counter = { count: 0, database }
  const sql = database.sql.withPlugin({
    transformQuery: ({ node }: PluginTransformQueryArgs) => {
      counter.count++
      return node
    },
    transformResult: async ({ result }) => result,
  })
  counter.database = { kind: database.kind, sql, reachable: true, close: async () => undefined }
  return counter
}

/** An identity that has read what it reads at its start, with the count at zero. */
async function readyIdentity(counter: ReturnType<typeof counting>): Promise<Identity> {
  const identity = identityOver(counter.database)
  await identity.maintain()
  counter.count = 0
  return identity
}

beforeEach(() => {
  nowMs = START_MS
})

afterAll(async () => {
  for (const identity of open) await identity.close()
})

describe.each(['embedded', 'postgresql'] as const)('on %s', (kind) => {
  let held: TestDatabase
  let database: Database

  beforeAll(async () => {
    held = await migratedDatabase(kind)
    database = held.database
  })

  afterAll(async () => await held[Symbol.asyncDispose]())

  test('a key is read with one query, and answered without a promise from then on', async () => {
    const key = await insertedKey(database)
    const counter = counting(database)
    const identity = await readyIdentity(counter)
    const principal = await asks(identity, key)
    expect(principal.facts.keyHash).toBe(hashCredential(key))
    expect(counter.count).toBe(1)
    expect(asks(identity, key)).toBe(principal)
    expect(identity.callScopes(principal, 'nobody', ['no-limits'], 'gpt-4o')).toBe(principal.scopes)
    expect(counter.count).toBe(1)
  })

  test('callers that bring an unknown key at the same time share one query', async () => {
    const key = await insertedKey(database)
    const counter = counting(database)
    const identity = await readyIdentity(counter)
    await Promise.all(Array.from({ length: 50 }, async () => await asks(identity, key)))
    expect(counter.count).toBe(1)
  })

  test('many new keys at the same time take a few statements, and each its own principal', async () => {
    const keys = await insertedKeys(database, 200)
    const counter = counting(database)
    const identity = await readyIdentity(counter)
    const principals = await Promise.all(keys.map(async (key) => await asks(identity, key)))
    expect(principals.map(({ facts }) => facts.keyHash)).toEqual(keys.map(hashCredential))
    expect(counter.count).toBeLessThanOrEqual(8)
  })

  test('keys in use that are due for a fresh look are read together, while their calls go on', async () => {
    const keys = await insertedKeys(database, 200)
    const counter = counting(database)
    const identity = await readyIdentity(counter)
    const before = await Promise.all(keys.map(async (key) => await asks(identity, key)))
    counter.count = 0
    nowMs += 60_000
    expect(keys.every((key, index) => asks(identity, key) === before[index])).toBe(true)
    await vi.waitFor(() => {
      const now = keys.map((key) => asks(identity, key))
      expect(now.filter((principal, index) => principal === before[index])).toEqual([])
    })
    expect(counter.count).toBe(4)
  })

  test('a call does not wait for keys that are read anew', async () => {
    const [known = '', fresh = ''] = await insertedKeys(database, 2)
    const counter = counting(database)
    const identity = await readyIdentity(counter)
    await asks(identity, known)
    counter.count = 0
    nowMs += 60_000
    void asks(identity, known)
    expect(counter.count).toBe(0)
    const lookup = asks(identity, fresh)
    expect(counter.count).toBe(1)
    expect((await lookup).facts.keyHash).toBe(hashCredential(fresh))
  })

  test('every wrong key gets the same answer, byte for byte, and no query is repeated for it', async () => {
    const key = await insertedKey(database)
    const counter = counting(database)
    const identity = await readyIdentity(counter)
    const wrong = [
      'sk-wrong',
      hashCredential(key),
      'nonsense',
      `sk-${'x'.repeat(600)}`,
      `${key}x`,
      `${MASTER_KEY}x`,
    ]
    const answers = []
    for (const each of [...wrong, ...wrong]) {
      const { code, message, status, param, kind: errorKind } = await refusal(() => asks(identity, each))
      answers.push(JSON.stringify({ code, message, status, param, errorKind }))
    }
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).toContain('"code":"key_unknown"')
    expect(answers[0]).not.toMatch(/sluice_|[0-9a-f]{64}/)
    expect(counter.count).toBe(3)
  })

  test('the hash of a key, and of the master key, is no credential', async () => {
    const key = await insertedKey(database)
    const identity = identityOver(database)
    await asks(identity, key)
    expect((await refusal(() => asks(identity, hashCredential(key)))).code).toBe('key_unknown')
    expect((await refusal(() => asks(identity, hashCredential(MASTER_KEY)))).code).toBe('key_unknown')
  })

  test('the master key is an administrator, and neither it nor its hash stands in the facts', () => {
    const principal = asks(identityOver(database), MASTER_KEY) as Principal
    expect(principal.role).toBe('proxy_admin')
    expect(principal.facts).toMatchObject({
      keyHash: hashCredential('litellm_proxy_master_key'),
      userId: 'default_user_id',
      keyAlias: undefined,
    })
  })

  test('a changed master key replaces the old one at once', async () => {
    const identity = identityOver(database)
    void asks(identity, MASTER_KEY)
    identity.configure(new Secret('sk-another-master'), DEFAULT_IDENTITY_SETTINGS)
    expect((await refusal(() => asks(identity, MASTER_KEY))).code).toBe('key_unknown')
    expect((asks(identity, 'sk-another-master') as Principal).kind).toBe('master_key')
  })

  test('a key expires at its time, also while it is in memory', async () => {
    const key = await insertedKey(database, { expires_at: new Date(START_MS + 5_000) })
    const identity = identityOver(database)
    await asks(identity, key)
    nowMs = START_MS + 4_999
    expect(asks(identity, key)).toBeDefined()
    nowMs = START_MS + 5_000
    const error = await refusal(() => asks(identity, key))
    expect(error).toMatchObject({ code: 'key_expired', status: 401 })
    expect(error.message).toContain('2026-11-22T12:00:05.000Z')
  })

  test('a blocked key and a key of a blocked team are refused', async () => {
    await database.sql.insertInto('sluice_team').values({ team_id: 'blocked', blocked: true }).execute()
    const identity = identityOver(database)
    const blocked = await insertedKey(database, { blocked: true })
    const ofTeam = await insertedKey(database, { team_id: 'blocked' })
    expect((await refusal(() => asks(identity, blocked))).message).toContain('The API key is blocked')
    expect((await refusal(() => asks(identity, ofTeam))).message).toContain(
      'The team of this API key is blocked',
    )
  })

  test('a change that this process was told of is in force with the next call', async () => {
    const key = await insertedKey(database)
    const identity = identityOver(database)
    await asks(identity, key)
    await database.sql
      .updateTable('sluice_virtual_key')
      .set({ blocked: true })
      .where('key_hash', '=', hashCredential(key))
      .execute()
    identity.changed({ subject: 'key', id: hashCredential(key) })
    expect((await refusal(() => asks(identity, key))).code).toBe('key_blocked')
  })

  test('a key that has changed is read at once, and not only when somebody brings it', async () => {
    const key = await insertedKey(database)
    const counter = counting(database)
    const identity = await readyIdentity(counter)
    await asks(identity, key)
    expect(counter.count).toBe(1)
    identity.changed({ subject: 'key', id: hashCredential(key) })
    await vi.waitFor(() => expect(counter.count).toBeGreaterThan(1))
  })

  test('changes of others make no look-up begin anew, and a change of its own does', async () => {
    const key = await insertedKey(database, { user_id: 'of-this-look-up' })
    const counter = counting(database)
    const identity = await readyIdentity(counter)
    const undisturbed = asks(identity, key)
    identity.changed({ subject: 'key', id: 'another' })
    identity.changed({ subject: 'user', id: 'someone' })
    identity.changed({ subject: 'tag', id: 'any' })
    await undisturbed
    expect(counter.count).toBe(1)
    expect(asks(identity, key)).not.toBeInstanceOf(Promise)
    identity.changed({ subject: 'user', id: 'of-this-look-up' })
    const disturbed = asks(identity, key)
    identity.changed({ subject: 'user', id: 'of-this-look-up' })
    await disturbed
    expect(counter.count).toBe(3)
  })

  test('a look-up that more changes than are kept have passed by is taken for outdated', async () => {
    const key = await insertedKey(database)
    const counter = counting(database)
    const identity = await readyIdentity(counter)
    const lookup = asks(identity, key)
    for (let count = 0; count < 3_000; count += 1) identity.changed({ subject: 'key', id: `other-${count}` })
    await lookup
    expect(counter.count).toBe(2)
  })

  test('a change that another process has made is in force after the next look at the changes', async () => {
    const key = await insertedKey(database)
    const identity = identityOver(database)
    await identity.maintain()
    await asks(identity, key)
    await database.sql.transaction().execute(async (transaction) => {
      await transaction.deleteFrom('sluice_virtual_key').where('key_hash', '=', hashCredential(key)).execute()
      await announceChanges(transaction, [{ subject: 'key', id: hashCredential(key) }])
    })
    expect(asks(identity, key)).toBeDefined()
    await identity.maintain()
    expect((await refusal(() => asks(identity, key))).code).toBe('key_unknown')
  })

  // The embedded database has no other process.
  if (kind === 'postgresql') {
    test('a change is heard of while budget windows wait for their rows', async () => {
      const key = await insertedKey(database)
      await database.sql
        .insertInto('sluice_spend_total')
        .values({
          scope: 'key',
          scope_id: 'due',
          window_duration: '1d',
          window_ends_at: new Date(START_MS - 1_000),
        })
        .execute()
      await database.sql.transaction().execute(async (holder) => {
        const due = holder.selectFrom('sluice_spend_total').where('scope_id', '=', 'due')
        await due.select('scope').forUpdate().execute()
        const identity = identityOver(database, {}, 10)
        await asks(identity, key)
        const sweeping = sql<{ waiting: boolean }>`
          select exists (select from pg_locks where not granted) as waiting`
        await vi.waitFor(async () =>
          expect((await sweeping.execute(database.sql)).rows).toEqual([{ waiting: true }]),
        )
        await database.sql.transaction().execute(async (other) => {
          await other.deleteFrom('sluice_virtual_key').where('key_hash', '=', hashCredential(key)).execute()
          await announceChanges(other, [{ subject: 'key', id: hashCredential(key) }])
        })
        await vi.waitFor(async () =>
          expect((await refusal(() => asks(identity, key))).code).toBe('key_unknown'),
        )
      })
    })
  }

  test('a key that was asked for too early works as soon as it is made', async () => {
    const raw = 'sk-asked-for-too-early'
    const identity = identityOver(database)
    expect((await refusal(() => asks(identity, raw))).code).toBe('key_unknown')
    await database.sql
      .insertInto('sluice_virtual_key')
      .values({ key_hash: hashCredential(raw), key_name: 'sk-...arly' })
      .execute()
    identity.changed({ subject: 'key', id: hashCredential(raw) })
    expect((await asks(identity, raw)).kind).toBe('virtual_key')
  })

  test('a principal older than the time to live is read anew without delaying the call', async () => {
    const key = await insertedKey(database)
    const identity = identityOver(database, { refreshAfterMs: 60_000 })
    const before = await asks(identity, key)
    await database.sql
      .updateTable('sluice_virtual_key')
      .set({ models: ['o1'] })
      .where('key_hash', '=', hashCredential(key))
      .execute()
    nowMs += 59_999
    expect(asks(identity, key)).toBe(before)
    nowMs += 1
    expect(asks(identity, key)).toBe(before)
    await vi.waitFor(() =>
      expect((asks(identity, key) as Principal).modelLists).toEqual([{ kind: 'key', models: ['o1'] }]),
    )
    expect((asks(identity, key) as Principal).facts).toBe(before.facts)
  })

  test('a personal key spends from its user, a team key from the team and the membership', async () => {
    await database.sql
      .insertInto('sluice_team')
      .values({ team_id: 'team', models: ['a'] })
      .execute()
    await database.sql
      .insertInto('sluice_user')
      .values({ user_id: 'user', user_role: 'internal_user', user_email: 'user@example.org', models: ['b'] })
      .execute()
    await database.sql
      .insertInto('sluice_team_membership')
      .values({ team_id: 'team', user_id: 'user', role: 'user' })
      .execute()
    const identity = identityOver(database)
    const personal = await asks(identity, await insertedKey(database, { user_id: 'user' }))
    const ofTeam = await asks(identity, await insertedKey(database, { user_id: 'user', team_id: 'team' }))
    expect(personal.scopes.map((scope) => scope.kind)).toEqual(['key', 'user'])
    expect(personal.modelLists).toEqual([{ kind: 'user', models: ['b'] }])
    expect(ofTeam.scopes.map((scope) => scope.kind)).toEqual(['key', 'team', 'team_member'])
    expect(ofTeam.scopes[2]!.id).toBe('team::user')
    expect(ofTeam.modelLists).toEqual([{ kind: 'team', models: ['a'] }])
    expect(ofTeam.role).toBe('internal_user')
    expect(ofTeam.facts).toMatchObject({ userId: 'user', userEmail: 'user@example.org', teamId: 'team' })
  })

  test('a key without a limit of its own has the default of calls at a time, and a changed one is taken up', async () => {
    const [open, limited] = [await insertedKey(database), await insertedKey(database)]
    await database.sql
      .updateTable('sluice_virtual_key')
      .set({ max_parallel_requests: 9n })
      .where('key_hash', '=', hashCredential(limited))
      .execute()
    const identity = identityOver(database, { keyDefaults: { parallelRequests: 4n, models: new Map() } })
    const limitOf = async (key: string) => (await asks(identity, key)).scopes[0]?.parallelRequests
    expect([await limitOf(open), await limitOf(limited)]).toEqual([4, 9])
    identity.configure(new Secret(MASTER_KEY), {
      ...DEFAULT_IDENTITY_SETTINGS,
      keyDefaults: { parallelRequests: 5n, models: new Map() },
    })
    expect([await limitOf(open), await limitOf(limited)]).toEqual([5, 9])
  })

  test('a model has its default rates for each key, where neither the key nor its team says', async () => {
    const rates = { requestsPerMinute: 30n, tokensPerMinute: 900n }
    const models = new Map([
      ['plain', rates],
      ['limited', rates],
    ])
    const identity = identityOver(database, { keyDefaults: { parallelRequests: null, models } })
    const team_id = `of-models-${kind}`
    const metadata = JSON.stringify({ model_rpm_limit: { limited: 4 } })
    await database.sql.insertInto('sluice_team').values({ team_id, metadata }).execute()
    const ratesOf = async (key: string, model: string) => {
      const scopes = await identity.callScopes(await asks(identity, key), undefined, [], model)
      return scopes
        .filter((scope) => scope.kind === 'key_model')
        .map(({ requestsPerMinute, tokensPerMinute }) => [requestsPerMinute, tokensPerMinute])
    }
    const [alone, ofTeam] = [await insertedKey(database), await insertedKey(database, { team_id })]
    await database.sql
      .updateTable('sluice_virtual_key')
      .set({ metadata: JSON.stringify({ model_tpm_limit: { limited: 50 } }) })
      .where('key_hash', '=', hashCredential(alone))
      .execute()
    expect([await ratesOf(alone, 'plain'), await ratesOf(alone, 'limited')]).toEqual([
      [[30, 900]],
      [[30, 50]],
    ])
    expect([await ratesOf(ofTeam, 'limited'), await ratesOf(ofTeam, 'other')]).toEqual([
      [[undefined, 900]],
      [],
    ])
  })

  test('a key without a user has the least role', async () => {
    const principal = await asks(identityOver(database), await insertedKey(database))
    expect(principal.role).toBe('internal_user_viewer')
  })

  test('spend in the database and spend of this process together reach the budget', async () => {
    const key = await insertedKey(database, { max_budget: parseDollars(10) })
    await book(database, 'key', hashCredential(key), parseDollars(9))
    const identity = identityOver(database)
    const principal = await asks(identity, key)
    expect(() => checkBudgets(principal.scopes)).not.toThrow()
    identity.recordSpend(principal.scopes, parseDollars(1))
    expect((await refusal(() => checkBudgets(principal.scopes))).code).toBe('budget_exceeded')
    nowMs += 60_000
    void asks(identity, key)
    await vi.waitFor(() => expect(asks(identity, key)).not.toBe(principal))
    expect((await refusal(() => checkBudgets((asks(identity, key) as Principal).scopes))).code).toBe(
      'budget_exceeded',
    )
  })

  test('memory is bounded however many keys call', async () => {
    const identity = identityOver(database, { maxCachedCredentials: 2 })
    const counter = [await insertedKey(database), await insertedKey(database), await insertedKey(database)]
    for (const key of counter) await asks(identity, key)
    expect(asks(identity, counter[0]!)).toBeInstanceOf(Promise)
    expect(asks(identity, counter[2]!)).not.toBeInstanceOf(Promise)
  })
})

describe('without a database', () => {
  test('known keys go on working, unknown ones are asked to come again, and the setting lets them call models', async () => {
    await using server = await startPostgresql()
    const database = await openDatabase({ url: server.url })
    await migrate(database)
    const [known, unknown] = [await insertedKey(database, { user_id: 'ada' }), await insertedKey(database)]
    const strict = identityOver(database)
    const lenient = identityOver(database, { allowRequestsOnDatabaseUnavailable: true })
    const blocked = await insertedKey(database)
    for (const identity of [strict, lenient]) {
      await asks(identity, known)
      await asks(identity, blocked)
    }
    await database.sql
      .updateTable('sluice_virtual_key')
      .set({ blocked: true })
      .where('key_hash', '=', hashCredential(blocked))
      .execute()
    for (const identity of [strict, lenient]) {
      identity.changed({ subject: 'key', id: hashCredential(blocked) })
      expect((await refusal(() => asks(identity, blocked))).code).toBe('key_blocked')
    }
    await server.stop('immediate')
    nowMs += 3_600_000
    for (const identity of [strict, lenient]) {
      expect(() => asks(identity, blocked)).toThrow('The API key is blocked')
    }
    expect((asks(strict, known) as Principal).facts.keyHash).toBe(hashCredential(known))
    expect(await refusal(() => asks(strict, unknown))).toMatchObject({
      code: 'identity_unavailable',
      status: 503,
    })
    const unverified = await asks(lenient, unknown)
    expect(() => lenient.authorizeRoute(unverified, 'POST', '/v1/chat/completions')).not.toThrow()
    expect(() => lenient.authorizeRoute(unverified, 'GET', '/key/list')).toThrow(
      'not allowed to call this route',
    )
    // What limits it may have changed: what is known is nearer to the truth than nothing.
    lenient.changed({ subject: 'budget', id: 'any' })
    expect((await asks(lenient, known)).facts.userId).toBe('ada')
    // The key itself has changed: it may be blocked.
    for (const identity of [strict, lenient]) {
      identity.changed({ subject: 'key', id: hashCredential(known) })
      expect((await refusal(() => asks(identity, known))).code).toBe('identity_unavailable')
    }
    await server.start()
    expect((await asks(strict, unknown)).kind).toBe('virtual_key')
    nowMs += 1_000
    await vi.waitFor(async () => expect((await asks(lenient, unknown)).allowedRoutes).toEqual([]))
    for (const identity of [strict, lenient]) await identity.close()
    await database.close()
  })
})
