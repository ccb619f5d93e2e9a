/** `npm run bench`: measures the rows one after another in rounds, prints the table, and keeps the result. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { startPostgresql } from '../test/postgresql.ts'
import { measureRows } from './measure.ts'
import { startProvider } from './provider.ts'
import { renderPerformancePage, renderTable } from './render.ts'
import type { BenchResult } from './result.ts'
import { isPinned } from './server-process.ts'
import { TARGET_NAMES, type TargetName } from './target.ts'

const root = dirname(import.meta.dirname)

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function readTargets(only: string | undefined): TargetName[] {
  if (only === undefined) return [...TARGET_NAMES]
  const wanted = only.split(',')
  const unknown = wanted.filter((name) => !TARGET_NAMES.some((known) => known === name))
  if (unknown.length > 0) {
    throw new Error(`--only ${unknown.join(',')}: expected names of ${TARGET_NAMES.join(', ')}`)
  }
  // The provider is always measured: added latency is counted from it.
  return TARGET_NAMES.filter((name) => name === 'provider' || wanted.includes(name))
}

/** This process starts PostgreSQL and does nothing while a load runs: it stays off the core of the program under test. */
function stayOffServerCore(): void {
  if (isPinned) execFileSync('taskset', ['-p', '-c', '1', String(process.pid)], { stdio: 'ignore' })
}

async function measure(targets: readonly TargetName[], isQuick: boolean): Promise<BenchResult> {
  stayOffServerCore()
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const cacheDirectory = join(root, '.cache', 'bench')
  mkdirSync(cacheDirectory, { recursive: true })
  const provider = await startProvider()
  try {
    await using postgresql = await startPostgresql()
    const context = {
      providerPid: provider.pid,
      providerPort: provider.port,
      directory,
      cacheDirectory,
      databaseUrl: await postgresql.createDatabase(),
      profileDirectory: undefined,
    }
    return {
      date: new Date().toISOString(),
      machine: machine(),
      ...(await measureRows(targets, isQuick, context, say)),
    }
  } finally {
    await provider.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

function machine(): BenchResult['machine'] {
  return {
    processor: cpus()[0]?.model ?? 'unknown processor',
    cores: cpus().length,
    kernel: release(),
    node: process.versions.node,
    pinned: isPinned,
  }
}

/** A run of all rows in which Sluice did not fail becomes the published one. */
function keep(result: BenchResult, isPublished: boolean): void {
  const results = join(root, 'bench', 'results')
  mkdirSync(results, { recursive: true })
  const json = `${JSON.stringify(result, null, 2)}\n`
  writeFileSync(join(results, `${result.date.replaceAll(/[:.]/g, '-')}.json`), json)
  if (!isPublished) return
  writeFileSync(join(results, 'latest.json'), json)
  writeFileSync(join(root, 'docs', 'performance.md'), renderPerformancePage(result))
}

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, only: { type: 'string' } } })
const isQuick = values.quick === true
const result = await measure(readTargets(values.only), isQuick)
say(`\n${renderTable(result)}`)
const hasFailed = result.rows.some((row) => row.name === 'sluice' && row.failure !== undefined)
keep(result, !isQuick && values.only === undefined && !hasFailed)
process.exit(hasFailed ? 1 : 0)
