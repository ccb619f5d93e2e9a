/** Runs the loads of a section in rounds, so that its rows share what befalls the machine. */
import type { LoadFigures } from './load-job.ts'
import type { SectionResult, SectionRow } from './result.ts'
import { rotated } from './rotated.ts'
import { runLoad } from './run-load.ts'
import type { LoadTimes, Measure, Section } from './section.ts'
import type { RunningTarget, Target, TargetContext } from './target.ts'

const QUICK_ROUNDS = 2
const QUICK_TIMES: LoadTimes = { warmUpMs: 300, durationMs: 700 }
/** The warm-up is longer than a gateway puts off its rows: what it then writes is of calls of the same load. */
const FULL_TIMES: LoadTimes = { warmUpMs: 1_200, durationMs: 2_000 }
/** The first load of a kind on a fresh process: its code has yet to be compiled. */
const FIRST_WARM_UP_MS = { quick: 1_500, full: 3_000 }
const RUN_IN_MS = { quick: 500, full: 5_000 }

type MutableRound = Record<string, LoadFigures>

/** A target of the section while it is measured. */
interface Lane {
  readonly target: Target
  readonly rounds: MutableRound[]
  settings: string
  running: RunningTarget | undefined
  failure: string | undefined
}

export async function measureSection(
  section: Section,
  isQuick: boolean,
  context: TargetContext,
  say: (text: string) => void,
): Promise<SectionResult> {
  const date = new Date().toISOString()
  const lanes = section.targets.map((target): Lane => {
    return { target, rounds: [], settings: target.settings, running: undefined, failure: undefined }
  })
  const rounds = isQuick ? QUICK_ROUNDS : section.rounds
  const times = isQuick ? QUICK_TIMES : FULL_TIMES
  try {
    for (let round = 0; round < rounds; round += 1) {
      say(`section ${section.name}: round ${round + 1} of ${rounds}`)
      for (const lane of lanes) lane.rounds.push({})
      const order = rotated(lanes, round)
      if (section.order === 'side by side') await measureSideBySide(section, order, { round, times, context })
      else await measureOneByOne(section, order, { round, times, context })
    }
  } finally {
    await Promise.all(lanes.map(stop))
  }
  for (const { target, failure } of lanes) {
    if (failure !== undefined) say(`  not measured: ${target.title}: ${failure}`)
  }
  return { name: section.name, date, rows: lanes.map(toRow) }
}

interface RoundOptions {
  readonly round: number
  readonly times: LoadTimes
  readonly context: TargetContext
}

/** Each measure goes through all rows before the next one. */
async function measureSideBySide(
  section: Section,
  lanes: readonly Lane[],
  options: RoundOptions,
): Promise<void> {
  for (const lane of lanes) await attempt(lane, () => start(lane, options.context))
  for (const measure of measuresOf(section, options.round)) {
    for (const lane of lanes) await attempt(lane, () => take(measure, lane, options, options.round === 0))
  }
}

async function measureOneByOne(
  section: Section,
  lanes: readonly Lane[],
  options: RoundOptions,
): Promise<void> {
  for (const lane of lanes) {
    await attempt(lane, async () => {
      await start(lane, options.context)
      for (const measure of measuresOf(section, options.round)) await take(measure, lane, options, true)
    })
    await stop(lane)
  }
}

function measuresOf(section: Section, round: number): readonly Measure[] {
  return section.measures.filter((measure) => round < (measure.rounds ?? section.rounds))
}

async function start(lane: Lane, context: TargetContext): Promise<void> {
  if (lane.running !== undefined) return
  lane.running = await lane.target.start(context)
  const { note } = lane.running
  if (note !== undefined) lane.settings = `${lane.target.settings}; ${note}`
}

async function stop(lane: Lane): Promise<void> {
  const { running } = lane
  lane.running = undefined
  await running?.[Symbol.asyncDispose]()
}

async function take(measure: Measure, lane: Lane, { round, times }: RoundOptions, isFirst: boolean) {
  const { running } = lane
  const figures = lane.rounds[round]
  if (running === undefined || figures === undefined) return
  const form = times === FULL_TIMES ? 'full' : 'quick'
  if (isFirst && measure.runIn !== undefined) await runLoad(measure.runIn(running, RUN_IN_MS[form]))
  const warmUpMs = isFirst ? FIRST_WARM_UP_MS[form] : times.warmUpMs
  figures[measure.name] = await runLoad(measure.job(running, { ...times, warmUpMs }))
}

/** A row that fails says why in the table; the others are measured all the same. */
async function attempt(lane: Lane, action: () => Promise<void>): Promise<void> {
  if (lane.failure !== undefined) return
  try {
    await action()
  } catch (error) {
    lane.failure = error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error)
    await stop(lane)
  }
}

function toRow({ target, settings, rounds, failure }: Lane): SectionRow {
  return {
    name: target.name,
    title: target.title,
    settings,
    rounds: failure === undefined ? rounds : [],
    failure,
  }
}
