/** The probes while the database is away: they tell it, and ask nobody. */
import pg from 'pg'
import { expect, test } from 'vitest'
import { startSimulator } from '../../src/sim/index.ts'
import { startPostgresql } from '../postgresql.ts'
import { ask } from './client.ts'
import { Installation } from './gateway-process.ts'

test('readiness is off while the database is away and on when it is back; liveness stays', async () => {
  await using stack = new AsyncDisposableStack()
  const simulator = await startSimulator({ port: 0 })
  stack.defer(() => simulator.close())
  const postgresql = stack.use(await startPostgresql())
  const installation = stack.use(new Installation(simulator.url, await postgresql.createDatabase()))
  const gateway = stack.use(installation.start())
  const base = await gateway.url()
  const statusOf = async (probe: string): Promise<number> => (await ask(`${base}/health/${probe}`)).status
  expect(await statusOf('readiness')).toBe(200)
  await postgresql.stop('immediate')
  await expect.poll(() => statusOf('readiness'), { timeout: 20_000 }).toBe(503)
  expect(await statusOf('liveliness')).toBe(200)
  await postgresql.start()
  await expect.poll(() => statusOf('readiness'), { timeout: 20_000 }).toBe(200)
}, 60_000)

test('probes make no connection to the database, call no provider and leave no record', async () => {
  await using stack = new AsyncDisposableStack()
  const simulator = await startSimulator({ port: 0 })
  stack.defer(() => simulator.close())
  const postgresql = stack.use(await startPostgresql())
  const url = await postgresql.createDatabase()
  const installation = stack.use(new Installation(simulator.url, url))
  const gateway = stack.use(installation.start())
  const base = await gateway.url()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  stack.defer(() => client.end())
  const sessions = async (): Promise<number> => {
    await client.query('select pg_stat_clear_snapshot()')
    const { rows } = await client.query<{ sessions: string }>(
      'select sessions from pg_stat_database where datname = current_database()',
    )
    return Number(rows[0]?.sessions)
  }
  const before = await sessions()
  const printed = gateway.output.length
  for (let count = 0; count < 300; count += 1) {
    const probe = count % 2 === 0 ? 'readiness' : 'liveliness'
    expect((await ask(`${base}/health/${probe}`)).status).toBe(200)
  }
  // The gateway's own pool has ten at most, and may fill meanwhile.
  expect((await sessions()) - before).toBeLessThanOrEqual(11)
  expect(simulator.requests()).toEqual([])
  expect(gateway.output.slice(printed)).not.toContain('/health/')
  const { rows } = await client.query('select 1 from sluice_call_log')
  expect(rows).toEqual([])
}, 60_000)
