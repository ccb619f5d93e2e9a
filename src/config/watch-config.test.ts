/** Changes of the file in the ways in which editors and Kubernetes make them. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigError } from './config-issue.ts'
import { type LoadedConfig, loadConfig } from './load-config.ts'
import { type ConfigWatch, watchConfig, type WatchOptions } from './watch-config.ts'

type Outcome = LoadedConfig | ConfigError

let directory: string
let watch: ConfigWatch | undefined

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-watch-'))
})

afterEach(() => {
  watch?.close()
  rmSync(directory, { recursive: true, force: true })
})

const HOUR_MS = 3_600_000

/** Outcomes in order; `next` waits for the first that was not taken yet. */
class Outcomes {
  readonly #arrived: Outcome[] = []
  #waiting: ((outcome: Outcome) => void) | undefined

  add(outcome: Outcome): void {
    if (this.#waiting === undefined) this.#arrived.push(outcome)
    else this.#waiting(outcome)
    this.#waiting = undefined
  }

  next(): Promise<Outcome> {
    const arrived = this.#arrived.shift()
    if (arrived !== undefined) return Promise.resolve(arrived)
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  get untaken(): number {
    return this.#arrived.length
  }
}

function start(path: string, options: WatchOptions = {}): Outcomes {
  const outcomes = new Outcomes()
  const add = (outcome: Outcome): void => outcomes.add(outcome)
  watch = watchConfig(path, {}, add, add, { pollIntervalMs: HOUR_MS, settleMs: 10, ...options })
  return outcomes
}

function withRetries(retries: number | string): string {
  return `router_settings:\n  num_retries: ${retries}\n`
}

function retriesOf(outcome: Outcome): number {
  if (outcome instanceof ConfigError) throw outcome
  return outcome.config.router_settings.num_retries
}

test('a file that is replaced by a rename is taken up', async () => {
  const path = join(directory, 'config.yaml')
  writeFileSync(path, withRetries(1))
  const outcomes = start(path)
  writeFileSync(`${path}.new`, withRetries(5))
  renameSync(`${path}.new`, path)
  expect(retriesOf(await outcomes.next())).toBe(5)
})

test('a file that is written in place is taken up', async () => {
  const path = join(directory, 'config.yaml')
  writeFileSync(path, withRetries(1))
  const outcomes = start(path)
  writeFileSync(path, withRetries(6))
  expect(retriesOf(await outcomes.next())).toBe(6)
})

test('a ConfigMap volume whose ..data link is swapped is taken up', async () => {
  for (const [version, retries] of [
    ['..one', 1],
    ['..two', 7],
  ] as const) {
    mkdirSync(join(directory, version))
    writeFileSync(join(directory, version, 'config.yaml'), withRetries(retries))
  }
  symlinkSync('..one', join(directory, '..data'))
  symlinkSync('..data/config.yaml', join(directory, 'config.yaml'))
  const outcomes = start(join(directory, 'config.yaml'))
  symlinkSync('..two', join(directory, '..data_tmp'))
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'))
  expect(retriesOf(await outcomes.next())).toBe(7)
})

test('an invalid change is refused with its reasons, and the next valid one is taken up', async () => {
  const path = join(directory, 'config.yaml')
  writeFileSync(path, withRetries(1))
  const outcomes = start(path)
  writeFileSync(path, withRetries('never'))
  const refused = await outcomes.next()
  expect(refused).toMatchObject({ issues: [{ line: 2, key: 'router_settings.num_retries' }] })
  expect(refused).toBeInstanceOf(ConfigError)
  writeFileSync(path, withRetries(2))
  expect(retriesOf(await outcomes.next())).toBe(2)
})

test('a change of an included file in another directory is taken up', async () => {
  mkdirSync(join(directory, 'parts'))
  const path = join(directory, 'config.yaml')
  const part = join(directory, 'parts', 'part.yaml')
  writeFileSync(part, withRetries(1))
  writeFileSync(path, 'include: parts/part.yaml\n')
  const outcomes = start(path)
  writeFileSync(part, withRetries(8))
  expect(retriesOf(await outcomes.next())).toBe(8)
})

test('a file that is gone is refused, and taken up when it is back', async () => {
  const path = join(directory, 'config.yaml')
  writeFileSync(path, withRetries(1))
  const outcomes = start(path)
  unlinkSync(path)
  expect(await outcomes.next()).toBeInstanceOf(ConfigError)
  writeFileSync(path, withRetries(3))
  expect(retriesOf(await outcomes.next())).toBe(3)
})

test('a write of the same content is no change', async () => {
  const path = join(directory, 'config.yaml')
  writeFileSync(path, withRetries(1))
  const outcomes = start(path)
  writeFileSync(path, withRetries(1))
  await watch?.check()
  expect(outcomes.untaken).toBe(0)
})

test('a change between load and watch is taken up by the first comparison', async () => {
  const path = join(directory, 'config.yaml')
  writeFileSync(path, withRetries(1))
  const inUse = loadConfig(path, {})
  writeFileSync(path, withRetries(4))
  const outcomes = start(path, { inUse })
  await watch?.check()
  expect(retriesOf(await outcomes.next())).toBe(4)
})

test('where the system gives no hint, the comparison by time finds the change', async () => {
  const target = mkdtempSync(join(tmpdir(), 'sluice-watch-target-'))
  try {
    writeFileSync(join(target, 'real.yaml'), withRetries(1))
    const path = join(directory, 'config.yaml')
    symlinkSync(join(target, 'real.yaml'), path)
    const outcomes = start(path, { pollIntervalMs: 20 })
    writeFileSync(join(target, 'real.yaml'), withRetries(9))
    expect(retriesOf(await outcomes.next())).toBe(9)
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
})

test('after close nothing is reported', async () => {
  const path = join(directory, 'config.yaml')
  writeFileSync(path, withRetries(1))
  const outcomes = start(path)
  watch?.close()
  writeFileSync(path, withRetries(2))
  await watch?.check()
  expect(outcomes.untaken).toBe(0)
})
