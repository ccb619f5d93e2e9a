/** What a scenario is, and what it leaves behind: figures for the table, and faults, which are its verdict. */
import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from '../../bench/statistics.ts'
import type { Seen } from '../money/play-call.ts'
import { Load } from './load.ts'
import { Platform, type PlatformOptions } from './platform.ts'
import { reckon, type Reckoning } from './reckoning.ts'

/** How a scenario is played. */
export interface Form {
  /** `short` is for every run of the tests: less load, and nothing is asserted that depends on the machine's speed. */
  readonly length: 'short' | 'full'
}

export interface Outcome {
  readonly calls: number
  /** Calls that did not get the answer that they should have got. */
  readonly failures: number
  readonly differencePicodollars: bigint
  readonly estimatedRows: number
  /** p99 of whole calls that began during the fault, above the p99 before it; NaN where it was not measured. */
  readonly addedP99Ms: number
  /** From the end of the fault (of a kill: from its moment) until all is well; NaN where it was not measured. */
  readonly recoveryMs: number
  /** Figures of this scenario's own, for the table. */
  readonly notes: readonly string[]
  /** What broke a promise. Empty: the verdict is good. */
  readonly faults: readonly string[]
}

export interface Scenario {
  readonly name: string
  /** A sentence for the table of docs/reliability.md. */
  readonly injected: string
  /** A sentence: what must hold. */
  readonly promised: string
  run(form: Form): Promise<Outcome>
}

/** What a scenario may do while calls run at a steady rate. */
export interface SteadyRun {
  readonly platform: Platform
  readonly load: Load
  readonly form: Form
  readonly keys: readonly string[]
  /** From now on the time to recover is counted: the moment of a kill, or the end of an outage. */
  readonly mark: () => void
  /** For the table. */
  readonly note: (text: string) => void
  /** Breaks the verdict. */
  readonly fault: (text: string) => void
}

export interface SteadyScenario extends PlatformOptions {
  readonly name: string
  readonly injected: string
  readonly promised: string
  readonly callsPerSecond?: number
  /** The keys that calls are made with, instead of `steadyKeys`. */
  readonly makeKeys?: (platform: Platform) => Promise<readonly string[]>
  /** Makes the fault and ends it. @returns what it measured of the recovery, in milliseconds, if it did. */
  readonly strike: (run: SteadyRun) => Promise<number | undefined>
  /** Which failed calls are no broken promise. None, without it. */
  readonly mayFail?: (seen: Seen, platform: Platform) => boolean
  /** Bounds that hold in the full form only. */
  readonly maxAddedP99Ms?: number
  readonly maxRecoveryMs?: number
}

const CALLS_PER_SECOND = 80
/** First calls of a process are slow, and are not compared with. */
const WARM_UP_MS = 2_000
const CALM_MS = 5_000
const SHORT_CALM_MS = 700
/** A scenario of one shape: steady calls, calm, the fault, calm again, and the reckoning. */
export function steadyScenario(scenario: SteadyScenario): Scenario {
  return {
    name: scenario.name,
    injected: scenario.injected,
    promised: scenario.promised,
    run: async (form) => {
      await using platform = await Platform.start(scenario)
      return await new SteadyPlay(scenario, platform, form).run()
    },
  }
}

class SteadyPlay {
  readonly #scenario: SteadyScenario
  readonly #platform: Platform
  readonly #form: Form
  readonly #notes: string[] = []
  readonly #faults: string[] = []
  readonly #marksMs: number[] = []

  constructor(scenario: SteadyScenario, platform: Platform, form: Form) {
    this.#scenario = scenario
    this.#platform = platform
    this.#form = form
  }

  async run(): Promise<Outcome> {
    const keys = await (this.#scenario.makeKeys ?? steadyKeys)(this.#platform)
    const load = new Load(this.#platform.url, keys)
    const stop = new AbortController()
    const callsPerSecond = this.#scenario.callsPerSecond ?? CALLS_PER_SECOND
    const played = load.playSteadily(callsPerSecond, stop.signal)
    const calmMs = this.#form.length === 'full' ? CALM_MS : SHORT_CALM_MS
    if (this.#form.length === 'full') await delay(WARM_UP_MS)
    const calmFromMs = Date.now()
    await delay(calmMs)
    const struckAtMs = Date.now()
    let measuredMs: number | undefined
    try {
      measuredMs = await this.#scenario.strike({
        platform: this.#platform,
        load,
        form: this.#form,
        keys,
        mark: () => void this.#marksMs.push(Date.now()),
        note: (text) => void this.#notes.push(text),
        fault: (text) => void this.#faults.push(text),
      })
    } finally {
      await delay(calmMs)
      stop.abort()
      await played
    }
    const times = { calmFromMs, struckAtMs, endedAtMs: Date.now() - calmMs }
    return await this.#outcome(load, times, measuredMs)
  }

  async #outcome(load: Load, times: Times, measuredMs: number | undefined): Promise<Outcome> {
    // Who left as planned wanted no answer.
    const failed = load.seen.filter(
      ({ end, plan }) => end !== 'whole' && !(end === 'left' && plan.leave !== undefined),
    )
    const { mayFail } = this.#scenario
    this.#faults.push(...describeFailures(failed.filter((seen) => mayFail?.(seen, this.#platform) !== true)))
    const addedP99Ms = addedP99(load.seen, times)
    this.#notes.push(`slowest call during the fault ${slowest(load.seen, times)} ms`)
    const recoveryMs = measuredMs ?? recoveryOf(failed, [times.struckAtMs, ...this.#marksMs])
    this.#hold('added p99', addedP99Ms, this.#scenario.maxAddedP99Ms)
    this.#hold('recovery', recoveryMs, this.#scenario.maxRecoveryMs)
    const figures = { addedP99Ms, recoveryMs }
    return await settledOutcome(this.#platform, load, {
      failed,
      notes: this.#notes,
      faults: this.#faults,
      ...figures,
    })
  }

  #hold(what: string, figureMs: number, boundMs: number | undefined): void {
    if (this.#form.length === 'short' || boundMs === undefined || figureMs <= boundMs) return
    this.#faults.push(`${what}: ${Math.round(figureMs)} ms, promised are ${boundMs} ms`)
  }
}

export interface Remarks {
  readonly notes: readonly string[]
  readonly faults: readonly string[]
}

export interface Findings extends Remarks {
  readonly failed: readonly Seen[]
  readonly addedP99Ms?: number
  readonly recoveryMs?: number
}

/** Stops the pods, holds the books against the meter, and looks for what no scenario may leave behind. */
export async function settledOutcome(
  platform: Platform,
  load: Load,
  findings: Findings,
  judge: (reckoning: Reckoning) => Remarks = () => ({ notes: [], faults: [] }),
): Promise<Outcome> {
  const faults = [...findings.faults]
  for (const pod of platform.pods) {
    if (pod.hasCrashed) faults.push(`${pod.name} has ended by itself: ${pod.output.slice(-2_000)}`)
  }
  if (findings.faults.length > 0) faults.push(...platform.balancer.errors())
  const reckoning = await reckon(platform, load)
  const remarks = judge(reckoning)
  if (/deadlock detected/i.test(platform.postgresql.log())) faults.push('PostgreSQL has logged a deadlock')
  return {
    calls: load.seen.length,
    failures: findings.failed.length,
    differencePicodollars: reckoning.differencePicodollars,
    estimatedRows: reckoning.estimatedRows,
    addedP99Ms: findings.addedP99Ms ?? Number.NaN,
    recoveryMs: findings.recoveryMs ?? Number.NaN,
    notes: [...findings.notes, ...remarks.notes],
    faults: [...faults, ...remarks.faults, ...reckoning.faults],
  }
}

interface Times {
  readonly calmFromMs: number
  readonly struckAtMs: number
  /** End of the strike. */
  readonly endedAtMs: number
}

/** Far away, but to be asked for at each call. */
const WIDE_LIMITS = {
  max_budget: 1_000,
  rpm_limit: 1_000_000,
  tpm_limit: 1_000_000_000,
  max_parallel_requests: 10_000,
}

/** Keys alone, of a user, of a team, and of a team with a user, so that every sum has something to add. */
export async function steadyKeys(platform: Platform): Promise<readonly string[]> {
  await platform.manage('/user/new', { user_id: 'ada', auto_create_key: false })
  const team = await platform.manage('/team/new', {
    team_alias: 'reckoners',
    members_with_roles: [{ role: 'user', user_id: 'ada' }],
  })
  const owners = [
    {},
    { user_id: 'ada' },
    { team_id: team['team_id'] },
    { user_id: 'ada', team_id: team['team_id'] },
  ]
  return await Promise.all(owners.map((owner) => platform.newKey({ ...owner, ...WIDE_LIMITS })))
}

/** One sentence a kind of failure, with an example. */
export function describeFailures(failed: readonly Seen[]): readonly string[] {
  const kinds = Map.groupBy(failed, (seen) => `${seen.end} ${seen.status}`)
  return [...kinds].map(([kind, group]) => `${group.length} calls failed: ${kind}, as ${group[0]?.plan.id}`)
}

function addedP99(seen: readonly Seen[], { calmFromMs, struckAtMs, endedAtMs }: Times): number {
  const whole = seen.filter((one) => !one.plan.stream && one.end === 'whole')
  const p99Between = (fromMs: number, toMs: number): number => {
    const durations = whole
      .filter(({ startedAtMs }) => startedAtMs >= fromMs && startedAtMs < toMs)
      .map((one) => one.endedAtMs - one.startedAtMs)
    return quantile(
      durations.toSorted((a, b) => a - b),
      0.99,
    )
  }
  return p99Between(struckAtMs, endedAtMs) - p99Between(calmFromMs, struckAtMs)
}

function slowest(seen: readonly Seen[], { struckAtMs, endedAtMs }: Times): number {
  return seen
    .filter(({ plan, startedAtMs }) => !plan.stream && startedAtMs >= struckAtMs && startedAtMs < endedAtMs)
    .reduce((most, one) => Math.max(most, one.endedAtMs - one.startedAtMs), 0)
}

/** The longest time from a mark to the last failure before the next one. */
function recoveryOf(failed: readonly Seen[], marksMs: readonly number[]): number {
  return failed.reduce((most, { endedAtMs }) => {
    const mark = marksMs.findLast((markMs) => markMs <= endedAtMs)
    return mark === undefined ? most : Math.max(most, endedAtMs - mark)
  }, 0)
}
