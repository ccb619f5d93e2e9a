import fc from 'fast-check'
import { sql } from 'kysely'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { readBooks } from '../../test/ledger/books.ts'
import { CALLER, callEnd, callStart, DEPLOYMENT, ESTIMATE, runCall, Waiter } from '../../test/ledger/calls.ts'
import { writeOrphan } from '../../test/ledger/orphan.ts'
import { startPostgresql, type TestPostgresql } from '../../test/postgresql.ts'
import { NO_USAGE } from '../dialects/usage.ts'
import { picodollars } from '../money/picodollars.ts'
import type { CallStart } from '../record/call-record.ts'
import type { Database } from '../storage/database.ts'
import { migrate } from '../storage/migrate.ts'
import { openDatabase } from '../storage/open-database.ts'
import { BookingQueue, SettledCall } from './booking-queue.ts'
import { openLedger, type LedgerOptions, type OpenLedger } from './open-ledger.ts'

const DAY_MS = 86_400_000

let server: TestPostgresql
let directory: string
const log = { info: vi.fn<() => void>(), warn: vi.fn<() => void>(), error: vi.fn<() => void>() }

beforeAll(async () => {
  server = await startPostgresql()
  directory = mkdtempSync(join(tmpdir(), 'sluice-ledger-'))
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

describe.each(['postgresql', 'embedded'] as const)('on %s', (kind) => {
  let database: Database
  let dataDir: string
  let ledger: OpenLedger

  beforeAll(async () => {
    database = await openDatabase(
      kind === 'embedded' ? { dataDir: join(directory, 'embedded') } : { url: await server.createDatabase() },
    )
    await migrate(database)
  })

  afterAll(async () => await database.close())

  beforeEach(async () => {
    dataDir = mkdtempSync(join(directory, 'data-'))
    await sql`truncate sluice_call_log, sluice_call_content, sluice_booked_call, sluice_daily_spend, sluice_spend_total`.execute(
      database.sql,
    )
    vi.clearAllMocks()
  })

  afterEach(async () => await ledger.close(10_000))

  async function open(change: Partial<LedgerOptions> = {}): Promise<void> {
    ledger = await openLedger({ database, dataDir, log, ...change })
  }

  test('calls wait for their booking as instances of a class, which none makes among the old objects', async () => {
    await open()
    const add = vi.spyOn(BookingQueue.prototype, 'add')
    const start = callStart()
    await runCall(ledger, start, callEnd(start))
    await ledger.flush()
    expect(add.mock.calls).toEqual([[expect.any(SettledCall)]])
    add.mockRestore()
  })

  test('a call is booked with all that is known of it', async () => {
    await open()
    const at = Date.UTC(2026, 0, 31, 23, 59, 59, 250)
    const start = callStart({
      arrivedAtMs: at,
      stream: true,
      endUser: 'customer-1',
      tags: ['a', 'b'],
      sessionId: 'session-1',
      spendLogsMetadata: { project: 'x' },
    })
    const usage = {
      ...NO_USAGE,
      inputTokens: 1,
      inputAudioTokens: 2,
      cacheReadTokens: 3,
      cacheWrite5mTokens: 4,
      cacheWrite1hTokens: 5,
      outputTokens: 6,
      reasoningTokens: 7,
      outputAudioTokens: 8,
      webSearchRequests: 9,
      serviceTier: 'priority',
    }
    await runCall(ledger, start, callEnd(start, { usage, cost: picodollars(123_456_789_012_345n) }))
    await ledger.flush()
    const row = await database.sql.selectFrom('sluice_call_log').selectAll().executeTakeFirstOrThrow()
    expect(row).toMatchObject({
      call_id: start.callId,
      started_at: new Date(at),
      ended_at: new Date(at + 100),
      completion_started_at: new Date(at + 50),
      provider_started_at: new Date(at + 1),
      provider_ended_at: new Date(at + 98),
      overhead_ms: 3,
      status: 'success',
      ending: 'complete',
      call_type: 'acompletion',
      route: '/v1/chat/completions',
      stream: true,
      http_status: 200,
      key_hash: CALLER.keyHash,
      key_alias: 'alias',
      user_id: 'user-1',
      team_id: 'team-1',
      organization_id: 'organization-1',
      end_user: 'customer-1',
      requested_model: 'fast',
      model: 'gpt-5-mini',
      model_group: 'fast',
      model_id: 'deployment-1',
      provider: 'openai',
      input_tokens: 1n,
      input_audio_tokens: 2n,
      cache_read_tokens: 3n,
      cache_write_5m_tokens: 4n,
      cache_write_1h_tokens: 5n,
      output_tokens: 6n,
      reasoning_tokens: 7n,
      output_audio_tokens: 8n,
      web_search_requests: 9,
      service_tier: 'priority',
      usage_source: 'provider',
      picodollars: 123_456_789_012_345n,
      priced: true,
      session_id: 'session-1',
      tags: ['a', 'b'],
      metadata: { project: 'x' },
    })
    expect(await database.sql.selectFrom('sluice_daily_spend').selectAll().execute()).toMatchObject([
      {
        day: '2026-01-31',
        requests: 1n,
        successes: 1n,
        picodollars: 123_456_789_012_345n,
        reasoning_tokens: 7n,
      },
    ])
    expect((await readBooks(database)).totals).toEqual(
      Object.fromEntries(
        [
          `key/${CALLER.keyHash}`,
          'team/team-1',
          'team_member/team-1::user-1',
          'organization/organization-1',
          'end_user/customer-1',
          'deployment/deployment-1',
          'provider/openai',
          'proxy/proxy',
        ].map((scope) => [scope, 123_456_789_012_345n]),
      ),
    )
  })

  test('a call that was refused is logged, and costs nothing', async () => {
    await open()
    const start = callStart({ requestedModel: 'no-such-model' })
    const waiter = new Waiter()
    const error = {
      errorClass: 'BadRequestError',
      httpStatus: 400,
      message: 'no such model',
      provider: undefined,
    }
    const end = callEnd(start, {
      ending: 'refused',
      httpStatus: 400,
      deployment: undefined,
      attempts: [],
      usage: undefined,
      usageSource: 'none',
      cost: picodollars(0n),
      error,
    })
    ledger.settle(start, end, waiter)
    await waiter.ended
    await ledger.flush()
    const row = await database.sql.selectFrom('sluice_call_log').selectAll().executeTakeFirstOrThrow()
    expect(row).toMatchObject({
      status: 'failure',
      model: 'no-such-model',
      model_group: null,
      error_status: 400,
    })
    // A client that makes up names must not make up rows of the roll-up.
    const days = await database.sql.selectFrom('sluice_daily_spend').selectAll().execute()
    expect(days).toMatchObject([{ model: '', model_group: '', requests: 1n, successes: 0n }])
    expect((await readBooks(database)).totals).toEqual({})
  })

  test('rows, roll-up and totals agree to the last picodollar, however calls interleave', async () => {
    await open({ settings: { flushIntervalMs: 1 } })
    const amount = fc.bigInt({ min: 0n, max: 10n ** 13n }).map(picodollars)
    const call = fc.record({
      key: fc.integer({ min: 1, max: 3 }),
      team: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
      endUser: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
      cost: amount,
      settles: fc.integer({ min: 0, max: 9 }).map((dice) => dice > 0),
      flushes: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
    })
    const expected = new Map<string, bigint>()
    let sum = 0n
    let count = 0n
    const add = (scope: string, cost: bigint): void => {
      if (cost > 0n) expected.set(scope, (expected.get(scope) ?? 0n) + cost)
    }
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 40 }), async (calls) => {
        await Promise.all(
          calls.map(async ({ key, team, endUser, cost, settles, flushes }) => {
            const caller = {
              ...CALLER,
              keyHash: `key-${key}`,
              userId: `user-${key}`,
              teamId: team === undefined ? undefined : `team-${team}`,
              organizationId: undefined,
            }
            const start = callStart({ caller, endUser })
            if (!settles) return
            await runCall(ledger, start, callEnd(start, { cost }))
            if (flushes) await ledger.flush()
            sum += cost
            count += 1n
            add(`key/key-${key}`, cost)
            if (team === undefined) add(`user/user-${key}`, cost)
            if (team !== undefined) add(`team/team-${team}`, cost)
            if (team !== undefined) add(`team_member/team-${team}::user-${key}`, cost)
            if (endUser !== undefined) add(`end_user/${endUser}`, cost)
            for (const each of ['deployment/deployment-1', 'provider/openai', 'proxy/proxy']) add(each, cost)
          }),
        )
        await ledger.flush()
        const books = await readBooks(database)
        expect(books).toMatchObject({ calls: count, logged: sum, daily: sum, dailyRequests: count })
        expect(books.totals).toEqual(Object.fromEntries(expected))
      }),
      { numRuns: 15 },
    )
  })

  test('a call that is not to be logged is counted all the same, and once', async () => {
    await open({ settings: { disableSpendLogs: true } })
    const start = callStart()
    await runCall(ledger, start, callEnd(start))
    await ledger.flush()
    // The same record again, as after a crash between booking and deleting the journal.
    await runCall(ledger, start, callEnd(start))
    await ledger.flush()
    expect(await readBooks(database)).toMatchObject({ calls: 0n, daily: 1000n, dailyRequests: 1n })
    ledger.configure({ disableSpendLogs: false })
    const logged = callStart()
    await runCall(ledger, logged, callEnd(logged))
    await ledger.flush()
    expect(await readBooks(database)).toMatchObject({
      calls: 1n,
      logged: 1000n,
      daily: 2000n,
      dailyRequests: 2n,
    })
  })

  test('a row that the database refuses is set aside and holds up no other', async () => {
    await open()
    await sql`alter table sluice_call_log add constraint no_thirteen check (picodollars <> 13)`.execute(
      database.sql,
    )
    try {
      const costs = Array.from({ length: 50 }, (_, index) => (index % 20 === 7 ? 13n : 100n))
      await Promise.all(
        costs.map(async (cost) => {
          const start = callStart()
          await runCall(ledger, start, callEnd(start, { cost: picodollars(cost) }))
        }),
      )
      await ledger.flush()
      expect(await readBooks(database)).toMatchObject({ calls: 47n, logged: 4700n, daily: 4700n })
      expect(ledger.stats).toMatchObject({ rejectedCalls: 3, queuedCalls: 0, bookedCalls: 47 })
      expect(log.error).toHaveBeenCalledTimes(3)
      const rejected = readFileSync(join(dataDir, 'journal', 'rejected.log'), 'utf8')
      expect(rejected.match(/"picodollars":13,/g)).toHaveLength(3)
    } finally {
      await sql`alter table sluice_call_log drop constraint no_thirteen`.execute(database.sql)
    }
  })

  test('prompts are kept when they are handed over, shortened and redacted', async () => {
    await open({ settings: { redact: (text) => text.replaceAll('canary', '[redacted]'), maxTextLength: 10 } })
    const start = callStart()
    const end = callEnd(start, {
      requestBody: Buffer.from('{"messages":[{"content":"canary 12345678901234567890"}]}'),
      responseBody: Buffer.from('{"id":"canary"}'),
    })
    await runCall(ledger, start, end)
    await ledger.flush()
    const content = await database.sql.selectFrom('sluice_call_content').selectAll().executeTakeFirstOrThrow()
    expect(JSON.stringify(content)).not.toContain('canary')
    expect(content.request).toEqual({
      messages: [{ content: '[re... (litellm_truncated 21 chars) ...4567890' }],
    })
    expect(content.response).toEqual({ id: '[redacted]' })
  })

  test('the last byte goes out before prompt and answer are read', async () => {
    const order: string[] = []
    const redact = (text: string): string => {
      order.push('read')
      return text
    }
    await open({ settings: { redact, flushIntervalMs: 0 } })
    const waiter = new Waiter()
    const start = callStart()
    ledger.start(start, DEPLOYMENT, ESTIMATE, waiter)
    await waiter.started
    ledger.settle(start, callEnd(start, { requestBody: Buffer.from('{"a":"prompt"}') }), {
      onStartJournaled: () => {},
      onEndJournaled: () => void order.push('last byte'),
    })
    await ledger.flush()
    expect(order[0]).toBe('last byte')
    expect(order).toContain('read')
    const content = await database.sql.selectFrom('sluice_call_content').selectAll().executeTakeFirstOrThrow()
    expect(content.request).toEqual({ a: 'prompt' })
  })

  test('no prompt or answer stands in the journal', async () => {
    await open({ settings: { flushIntervalMs: 60_000 } })
    const start = callStart()
    await runCall(ledger, start, callEnd(start, { requestBody: Buffer.from('{"a":"the prompt"}') }))
    const [own] = readdirSync(join(dataDir, 'journal'))
    const journal = readFileSync(join(dataDir, 'journal', own ?? '', '000001.log'), 'utf8')
    expect(journal).toContain(start.callId)
    expect(journal).not.toContain('prompt')
  })

  test('contents that find no room, or cannot be read, are dropped and counted; their calls are booked', async () => {
    const redact = (text: string): string => {
      if (text === 'broken') throw new Error('cannot be redacted')
      return text
    }
    await open({ settings: { redact, flushIntervalMs: 60_000 }, maxContentBytes: 50 })
    for (const text of ['broken', 'kept', 'x'.repeat(40)]) {
      const start = callStart()
      await runCall(ledger, start, callEnd(start, { requestBody: Buffer.from(JSON.stringify({ a: text })) }))
    }
    await ledger.flush()
    expect(ledger.stats).toMatchObject({ droppedContents: 2, bookedCalls: 3 })
    expect(await readBooks(database)).toMatchObject({ calls: 3n, logged: 3000n })
    const contents = await database.sql.selectFrom('sluice_call_content').select('request').execute()
    expect(contents).toEqual([{ request: { a: 'kept' } }])
    // What was booked makes room again.
    const start = callStart()
    await runCall(ledger, start, callEnd(start, { requestBody: Buffer.from(`{"a":"${'y'.repeat(40)}"}`) }))
    await ledger.flush()
    expect(ledger.stats.droppedContents).toBe(2)
  })

  test('days past their retention are dropped, others stay', async () => {
    await open()
    const nowMs = Date.now()
    for (const days of [0, 1, 2, 40]) {
      const start = callStart({ arrivedAtMs: nowMs - days * DAY_MS })
      await runCall(ledger, start, callEnd(start))
    }
    await ledger.flush()
    await ledger.close(10_000)
    await open({ settings: { retentionMs: 2 * DAY_MS }, clock: () => nowMs + 2 * DAY_MS })
    await ledger.maintain()
    const rows = await database.sql.selectFrom('sluice_call_log').select('started_at').execute()
    expect(rows.map((row) => row.started_at.getTime())).toEqual([nowMs])
    // What was spent stays spent.
    expect((await readBooks(database)).totals['team/team-1']).toBe(4000n)
    const { rows: names } = await sql<{ name: string }>`
      select relname as name from pg_class where relname like 'sluice_call_log_2%' and relkind = 'r' order by 1`.execute(
      database.sql,
    )
    expect(names.length).toBeGreaterThan(4)
  })

  test('a journal that a dead process left is booked: ends as they were, starts without end as interrupted', async () => {
    await open()
    const kept = callStart()
    await runCall(ledger, kept, callEnd(kept))
    await ledger.flush()
    const starts = Array.from({ length: 8 }, () => callStart())
    writeOrphan(dataDir, starts, starts.slice(0, 5))
    await ledger.maintain()
    expect(ledger.stats).toMatchObject({ recoveredCalls: 8, interruptedCalls: 3 })
    const books = await readBooks(database)
    expect(books).toMatchObject({ calls: 9n, interrupted: 3n, logged: 6n * 1000n + 3n * 700n })
    expect(books.totals['team/team-1']).toBe(books.logged)
    const row = await database.sql
      .selectFrom('sluice_call_log')
      .selectAll()
      .where('ending', '=', 'interrupted')
      .executeTakeFirstOrThrow()
    expect(row).toMatchObject({
      status: 'failure',
      usage_source: 'estimated',
      input_tokens: 7n,
      model: 'gpt-5-mini',
    })
    // Its directory is gone; only the living one is left.
    expect(readdirSync(join(dataDir, 'journal'))).toHaveLength(1)
    await ledger.maintain()
    expect(await readBooks(database)).toEqual(books)
  })

  test('a start whose end was booked before the crash is not booked again', async () => {
    await open()
    const start = callStart()
    await runCall(ledger, start, callEnd(start))
    await ledger.flush()
    writeOrphan(dataDir, [start], [])
    await ledger.maintain()
    expect(ledger.stats).toMatchObject({ recoveredCalls: 0, interruptedCalls: 0 })
    expect(await readBooks(database)).toMatchObject({ calls: 1n, logged: 1000n })
  })

  test('more calls than memory may hold are read back from the journal', async () => {
    await open({
      queue: { maxQueuedLength: 20_000 },
      journal: { segmentBytes: 50_000 },
      settings: { flushIntervalMs: 60_000 },
    })
    const starts = Array.from({ length: 150 }, () => callStart())
    await Promise.all(starts.map(async (start) => await runCall(ledger, start, callEnd(start))))
    expect(ledger.stats.spilledCalls).toBeGreaterThan(100)
    expect(ledger.stats.queuedCalls).toBe(150)
    await ledger.flush()
    expect(ledger.stats).toMatchObject({ spilledCalls: 0, queuedCalls: 0, lostCalls: 0 })
    expect(await readBooks(database)).toMatchObject({ calls: 150n, logged: 150_000n, daily: 150_000n })
  })

  test('a journal at its limit lets calls go on, and they are booked from memory', async () => {
    await open({ journal: { maxBytes: 10_000 }, settings: { flushIntervalMs: 60_000 } })
    for (let index = 0; index < 30; index += 1) {
      const start = callStart()
      await runCall(ledger, start, callEnd(start))
    }
    expect(ledger.stats.unjournaledRecords).toBeGreaterThan(20)
    await ledger.flush()
    expect(await readBooks(database)).toMatchObject({ calls: 30n, interrupted: 0n, logged: 30_000n })
    expect(log.error).toHaveBeenCalledTimes(1)
  })

  test('a call that fails when it is told does not keep the others from being told', async () => {
    await open()
    const broken = {
      onStartJournaled: () => {
        throw new Error('broken')
      },
      onEndJournaled: () => {},
    }
    const waiter = new Waiter()
    ledger.start(callStart(), DEPLOYMENT, ESTIMATE, broken)
    ledger.start(callStart(), DEPLOYMENT, ESTIMATE, waiter)
    await waiter.started
    expect(log.error).toHaveBeenCalledTimes(1)
  })

  test('streams that last do not hold on to the journal, and are booked as interrupted should the process die', async () => {
    await open({ journal: { segmentBytes: 20_000 } })
    const streams: { start: CallStart; waiter: Waiter }[] = []
    for (let round = 0; round < 10; round += 1) {
      const start = callStart()
      const waiter = new Waiter()
      ledger.start(start, DEPLOYMENT, ESTIMATE, waiter)
      await waiter.started
      streams.push({ start, waiter })
      for (let index = 0; index < 10; index += 1) {
        const other = callStart()
        await runCall(ledger, other, callEnd(other))
      }
    }
    await ledger.flush()
    expect(ledger.stats.journalSegments).toBeGreaterThanOrEqual(8)
    await ledger.maintain()
    expect(ledger.stats.journalSegments).toBeLessThanOrEqual(3)
    for (const { start, waiter } of streams.slice(0, 4)) {
      ledger.settle(start, callEnd(start), waiter)
      await waiter.ended
    }
    // What a killed process leaves: its segments, and a lock that is free.
    const [own] = readdirSync(join(dataDir, 'journal'))
    cpSync(join(dataDir, 'journal', own ?? ''), join(dataDir, 'journal', 'dead-process'), {
      recursive: true,
      filter: (source) => !source.includes('lock.sqlite'),
    })
    await ledger.flush()
    await ledger.maintain()
    expect(await readBooks(database)).toMatchObject({ calls: 110n, interrupted: 6n, dailyRequests: 110n })
  })

  test('a second start of the same call replaces the first', async () => {
    await open({ journal: { segmentBytes: 1 } })
    const start = callStart()
    const first = new Waiter()
    ledger.start(start, DEPLOYMENT, ESTIMATE, first)
    await first.started
    const second = new Waiter()
    ledger.start(start, { ...DEPLOYMENT, modelId: 'deployment-2' }, ESTIMATE, second)
    await second.started
    ledger.settle(start, callEnd(start), second)
    await second.ended
    await ledger.flush()
    await ledger.close(1000)
    expect(readdirSync(join(dataDir, 'journal'))).toEqual([])
    expect(await readBooks(database)).toMatchObject({ calls: 1n })
  })
})
