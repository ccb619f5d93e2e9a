/** What moves the metrics of failures: days of the call log that do not go, and stores that are away. */
import pg from 'pg'
import { vi } from 'vitest'
import { migrate } from '../../src/storage/migrate.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import type { TestPostgresql } from '../postgresql.ts'
import type { TestRedis } from '../redis.ts'
import type { TestGateway } from '../running-gateway.ts'
import { readExposition, samplesOf } from './read-exposition.ts'

const LONG_AGO = '2020-01-01'

/** Leaves two days in the call log that are long past: one that goes, and one that a reader keeps from going. */
export async function leaveOldDays(url: string, stack: AsyncDisposableStack): Promise<void> {
  const database = await openDatabase({ url })
  await migrate(database)
  await database.close()
  const reader = new pg.Client({ connectionString: url })
  // PostgreSQL goes away later.
  reader.on('error', () => undefined)
  await reader.connect()
  stack.defer(() => reader.end().catch(() => undefined))
  await reader.query(`create table sluice_call_content_20200101 partition of sluice_call_content
    for values from ('${LONG_AGO}') to ('2020-01-02')`)
  await reader.query(`insert into sluice_call_content (call_id, started_at) values ('old', '2020-02-02')`)
  await reader.query('begin')
  await reader.query('select from sluice_call_content_20200101')
}

const WITHOUT_REDIS = [
  'litellm_redis_failed_requests_total',
  'litellm_redis_circuit_breaker_failures_total',
  'litellm_redis_circuit_breaker_transitions_total',
]

const WITHOUT_POSTGRESQL = [
  'litellm_postgres_failed_requests_total',
  'litellm_batch_write_to_db_failed_requests_total',
  'litellm_reset_budget_job_failed_requests_total',
  'litellm_check_batch_cost_errors_total',
]

/** Takes each store away until that shows in the metrics, and gives it back. */
export async function loseStores(
  gateway: TestGateway,
  redis: TestRedis,
  postgresql: TestPostgresql,
): Promise<void> {
  redis.pause()
  await callUntilMoved(gateway, WITHOUT_REDIS)
  redis.resume()
  // The booking of a batch would wait for PostgreSQL, and the rounds after it too.
  await callUntilMoved(gateway, ['litellm_check_batch_cost_jobs_processed_total'])
  await postgresql.stop('immediate')
  await callUntilMoved(gateway, WITHOUT_POSTGRESQL)
  await postgresql.start()
}

async function callUntilMoved(gateway: TestGateway, counters: readonly string[]): Promise<void> {
  await vi.waitFor(
    async () => {
      const body = { model: 'gpt', messages: [{ role: 'user', content: 'Are you there?' }] }
      await (await gateway.call('/v1/chat/completions', { ...body, cache: { 'use-cache': true } })).text()
      const page = readExposition(await (await gateway.call('/metrics')).text())
      const still = counters.filter((name) => !samplesOf(page, name).some(({ value }) => value > 0))
      if (still.length > 0) throw new Error(`not moved: ${still.join(', ')}`)
    },
    { timeout: 30_000, interval: 100 },
  )
}
