/** One run of the money proof: random calls under random troubles, and then the books against the meter. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { MeterEntry } from '../../src/sim/index.ts'
import type { TestPostgresql } from '../postgresql.ts'
import { readBooks, readCallIds, readSpendLogs, type Books, type ShownCall } from './books.ts'
import { planCall, type CallPlan } from './call-plan.ts'
import { playCall, type Seen } from './play-call.ts'
import { configOf } from './price-list.ts'
import { startProgram, type Program } from './program.ts'
import { Random } from './random.ts'
import { makeTrouble, planTroubles, type Restartable } from './trouble.ts'

export interface RunOptions {
  readonly seed: number
  readonly calls: number
  readonly troubles: number
  readonly concurrency: number
  readonly cancelOnDisconnect: boolean
  readonly postgresql: TestPostgresql
}

/** A time in which a call may have met the end of its gateway. */
export interface Ending {
  readonly kind: 'killed' | 'stopped'
  readonly fromMs: number
  readonly toMs: number
}

export interface RunResult {
  readonly plans: readonly CallPlan[]
  readonly seen: readonly Seen[]
  readonly meter: readonly MeterEntry[]
  readonly books: Books
  readonly shown: readonly ShownCall[]
  readonly endings: readonly Ending[]
  /** What is left of journals when everything was booked. */
  readonly leftovers: readonly string[]
}

const MASTER_KEY = 'sk-master-of-the-money'
const SETTLE_TIMEOUT_MS = 60_000

export async function runMoney(options: RunOptions): Promise<RunResult> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-money-'))
  const simulator = await startProgram(['sim', '--meter-file', join(directory, 'meter.jsonl')])
  const gateway = new Gateway(directory, simulator.url, await options.postgresql.createDatabase(), options)
  try {
    await gateway.start('patient')
    return await new Run(options, simulator, gateway).run()
  } finally {
    await gateway.kill()
    await simulator.stop('SIGTERM')
    rmSync(directory, { recursive: true, force: true })
  }
}

/** A gateway that comes back on the same data directory. */
class Gateway implements Restartable {
  readonly databaseUrl: string
  readonly dataDir: string
  readonly endings: Ending[] = []
  readonly #configFile: string
  #program: Program | undefined
  #up = Promise.withResolvers<string>()

  constructor(directory: string, simulatorUrl: string, databaseUrl: string, options: RunOptions) {
    this.databaseUrl = databaseUrl
    this.dataDir = join(directory, 'data')
    this.#configFile = join(directory, 'config.yaml')
    writeFileSync(this.#configFile, configOf(simulatorUrl, MASTER_KEY, options.cancelOnDisconnect))
  }

  /** The address, as soon as there is a gateway. */
  async url(): Promise<string> {
    return await this.#up.promise
  }

  async start(grace: 'patient' | 'hasty'): Promise<void> {
    this.#program = await startProgram(
      ['--config', this.#configFile, '--port', '0', '--host', '127.0.0.1', '--data-dir', this.dataDir],
      { DATABASE_URL: this.databaseUrl, SLUICE_SHUTDOWN_GRACE_SECONDS: grace === 'patient' ? '20' : '0.2' },
    )
    this.#up.resolve(this.#program.url)
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL', 'killed')
  }

  async stop(): Promise<void> {
    const code = await this.#end('SIGTERM', 'stopped')
    if (code !== 0) throw new Error(`the gateway ended with ${code} after SIGTERM`)
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM', kind: Ending['kind']): Promise<number | NodeJS.Signals> {
    const program = this.#program
    this.#program = undefined
    this.#up = Promise.withResolvers()
    const fromMs = Date.now()
    const code = await program?.stop(signal)
    this.endings.push({ kind, fromMs, toMs: Date.now() })
    return code ?? 0
  }
}

class Run {
  readonly #options: RunOptions
  readonly #simulator: Program
  readonly #gateway: Gateway
  readonly #random: Random
  readonly #seen: Seen[] = []

  constructor(options: RunOptions, simulator: Program, gateway: Gateway) {
    this.#options = options
    this.#simulator = simulator
    this.#gateway = gateway
    this.#random = new Random(options.seed)
  }

  async run(): Promise<RunResult> {
    const keys = await this.#makeKeys()
    const { calls } = this.#options
    const plans = Array.from({ length: calls }, (_, index) =>
      planCall(this.#random, `call-${index}`, keys.length),
    )
    await this.#play(plans, keys)
    const meter = await this.#settledMeter()
    await this.#settledBooks(new Set(meter.map((entry) => entry.callId)))
    // A stop books what the meter knows nothing of, too.
    await this.#gateway.stop()
    await this.#gateway.start('patient')
    const shown = await readSpendLogs(await this.#gateway.url(), MASTER_KEY)
    await this.#gateway.stop()
    const books = await readBooks(this.#gateway.databaseUrl)
    const leftovers = readdirSync(join(this.#gateway.dataDir, 'journal'), {
      recursive: true,
      encoding: 'utf8',
    })
      // The directory of a gateway that was killed before its first call is empty, and goes a minute later.
      .filter((name) => name.endsWith('.log'))
    return { plans, seen: this.#seen, meter, books, shown, endings: this.#gateway.endings, leftovers }
  }

  /** The master key, a key alone, one of a user, and one of a team and a user. */
  async #makeKeys(): Promise<readonly string[]> {
    const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const answer = await fetch((await this.#gateway.url()) + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
      return (await answer.json()) as Record<string, unknown>
    }
    await post('/user/new', { user_id: 'ada', auto_create_key: false })
    const team = await post('/team/new', {
      team_alias: 'reckoners',
      members_with_roles: [{ role: 'user', user_id: 'ada' }],
    })
    const owners = [{}, { user_id: 'ada' }, { user_id: 'ada', team_id: team['team_id'] }]
    const made: string[] = []
    for (const owner of owners) made.push(String((await post('/key/generate', owner))['key']))
    return [MASTER_KEY, ...made]
  }

  /** All calls, some at a time, while one trouble after the other comes. */
  async #play(plans: readonly CallPlan[], keys: readonly string[]): Promise<void> {
    const waiting = [...plans]
    const troubles = planTroubles(this.#random, this.#options.troubles)
    const callers = Array.from({ length: this.#options.concurrency }, async () => {
      for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift()) {
        this.#seen.push(await playCall(plan, await this.#gateway.url(), keys[plan.key] ?? ''))
      }
    })
    const played = Promise.all(callers)
    for (const [index, trouble] of troubles.entries()) {
      const due = plans.length * (1 - (index + 0.5) / troubles.length)
      while (waiting.length > due) await delay(5)
      await makeTrouble(trouble, this.#random, this.#gateway, this.#options.postgresql)
    }
    await played
  }

  /** The meter, when no call runs any more. */
  async #settledMeter(): Promise<readonly MeterEntry[]> {
    return await until('calls end at the provider', async () => {
      const answer = await fetch(`${this.#simulator.url}/__sim/meter`)
      const { entries } = (await answer.json()) as { entries: readonly MeterEntry[] }
      return entries.some((entry) => entry.state === 'streaming') ? undefined : entries
    })
  }

  /** Waits until the calls that the meter knows are booked. */
  async #settledBooks(metered: ReadonlySet<string>): Promise<void> {
    try {
      await until('calls are booked', async () => {
        const booked = await readCallIds(this.#gateway.databaseUrl)
        return [...metered].every((callId) => booked.has(callId)) ? true : undefined
      })
    } catch {
      // The judge tells which calls are missing.
    }
  }
}

async function until<Result>(what: string, look: () => Promise<Result | undefined>): Promise<Result> {
  const giveUpAtMs = Date.now() + SETTLE_TIMEOUT_MS
  for (;;) {
    const result = await look()
    if (result !== undefined) return result
    if (Date.now() > giveUpAtMs) throw new Error(`waited in vain: ${what}`)
    await delay(50)
  }
}
