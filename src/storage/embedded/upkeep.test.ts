import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EmbeddedEngine } from './embedded-engine.ts'
import { Upkeep } from './upkeep.ts'

const MEGABYTE = 1024 * 1024

test('the write-ahead log stays small however much is written, and hot tables keep their size', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-upkeep-'))
  const engine = await EmbeddedEngine.start(directory)
  let nowMs = 0
  const upkeep = new Upkeep(engine, () => nowMs)
  const run = async (sql: string): Promise<unknown[]> => (await engine.query(sql, [])).rows
  try {
    await run('create table sluice_spend_total (id int primary key, filler text) with (fillfactor = 50)')
    await run(`insert into sluice_spend_total select n, repeat('x', 500) from generate_series(1, 5000) as n`)
    await upkeep.run()
    const sizes: number[] = []
    for (let round = 0; round < 12; round += 1) {
      for (let update = 0; update < 4; update += 1)
        await run(`update sluice_spend_total set filler = filler || 'y'`)
      await upkeep.run()
      sizes.push(walBytes(directory))
    }
    expect(Math.max(...sizes)).toBeLessThan(160 * MEGABYTE)
    const [row] = (await run(`select pg_table_size('sluice_spend_total') as bytes`)) as { bytes: bigint }[]
    expect(Number(row?.bytes)).toBeLessThan(60 * MEGABYTE)

    // Nothing happened since: nothing is due. A little happened, long ago: it is.
    expect(await upkeep.run()).toBe(false)
    await run('update sluice_spend_total set id = id where id = 1')
    expect(await upkeep.run()).toBe(false)
    nowMs += 600_000
    await run('select 1')
    expect(await upkeep.run()).toBe(true)
  } finally {
    upkeep.stop()
    await engine.close()
    rmSync(directory, { recursive: true, force: true })
  }
})

function walBytes(directory: string): number {
  const wal = join(directory, 'pg_wal')
  return readdirSync(wal).reduce((sum, name) => sum + statSync(join(wal, name)).size, 0)
}
