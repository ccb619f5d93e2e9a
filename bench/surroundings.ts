/** What every run needs around the programs that it measures: provider, PostgreSQL, Redis, and a place for files. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgresql } from '../test/postgresql.ts'
import { startRedis } from '../test/redis.ts'
import { startProvider } from './provider.ts'
import type { BenchResult } from './result.ts'
import { isPinned } from './server-process.ts'
import type { TargetContext } from './target.ts'

/** @param cacheDirectory where downloaded programs are kept between runs. */
export async function withSurroundings<T>(
  cacheDirectory: string,
  work: (context: TargetContext) => Promise<T>,
): Promise<T> {
  stayOffServerCore()
  mkdirSync(cacheDirectory, { recursive: true })
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  const provider = await startProvider(directory)
  stack.defer(() => provider.stop())
  const postgresql = stack.use(await startPostgresql())
  const redis = stack.use(await startRedis())
  const databases = new Map<string, Promise<string>>()
  return await work({
    providerPid: provider.pid,
    providerPort: provider.port,
    providerTlsPort: provider.tlsPort,
    certificateFile: provider.certificateFile,
    directory,
    cacheDirectory,
    databaseUrl: (name) => {
      const url = databases.get(name) ?? postgresql.createDatabase()
      databases.set(name, url)
      return url
    },
    redisUrl: redis.url,
    profileDirectory: undefined,
  })
}

/** This process starts the stores and does nothing while a load runs: it stays off the core of the program under test. */
function stayOffServerCore(): void {
  if (isPinned) execFileSync('taskset', ['-p', '-c', '1', String(process.pid)], { stdio: 'ignore' })
}

export function machine(): BenchResult['machine'] {
  return {
    processor: cpus()[0]?.model ?? 'unknown processor',
    cores: cpus().length,
    kernel: release(),
    node: process.versions.node,
    pinned: isPinned,
  }
}
