/**
 * Does a call cost more than it did? Two figures are compared with a stored baseline.
 *
 * Sluice is measured beside a fixed relay, in turn, in one run: machines differ in speed, and one machine does from hour
 * to hour, but both programs feel that alike. What is compared is the multiple. It has all in it, and a few hundredths
 * are lost in its noise.
 *
 * And the instructions of a call are counted under a simulator, which has no noise and no kernel.
 *
 * `--record` stores what is found as the new baseline, after a change that was meant to make it so.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { countInstructions } from './instructions.ts'
import { cpuMicroseconds } from './process-figures.ts'
import { reference } from './reference.ts'
import { makeSmallCalls } from './section.ts'
import { sluice } from './sluice-targets.ts'
import { median } from './statistics.ts'
import { withSurroundings } from './surroundings.ts'
import type { RunningTarget } from './target.ts'

const BASELINE = join(import.meta.dirname, 'baseline.json')
const DIRECTORY = join(dirname(import.meta.dirname), '.cache', 'bench')

/** Another processor has other instructions. */
const VERSION = `${process.versions.node}-${process.arch}`

const ROUNDS = 7
const WARM_UP_CALLS = 15_000
const ROUND_CALLS = 10_000
/** What a gateway puts off, such as its rows in the database, is done by then, and belongs to the calls. */
const PUT_OFF_MS = 1_200

/**
 * On a machine that others kept busy, runs in a row were up to a sixth above and below their middle, the µs far more. A
 * baseline belongs to a quiet machine: contention makes the relay dearer than the gateway, and the multiple smaller.
 */
const TOLERANCE = 1.35

/** Runs in a row are less than a hundredth apart; processors that have other instructions for texts make a few of them. */
const INSTRUCTIONS_TOLERANCE = 1.06

const baselineSchema = z.object({
  /** CPU of a call in Sluice, as a multiple of the same in the reference relay. */
  multiple: z.number().positive(),
  /** Instructions of a call in Sluice, with the version of Node below. */
  instructions: z.number().positive(),
  date: z.string(),
  node: z.string(),
})

interface Finding {
  readonly multiple: number
  readonly sluiceMicroseconds: number
  readonly referenceMicroseconds: number
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** @returns µs of CPU a call, with everything that comes after the calls. */
async function costOfCall(target: RunningTarget, calls: number, putOffMs: number): Promise<number> {
  const before = cpuMicroseconds(target.pid)
  await makeSmallCalls(target, calls)
  await delay(putOffMs)
  return (cpuMicroseconds(target.pid) - before) / calls
}

async function compare(measured: RunningTarget, yardstick: RunningTarget): Promise<Finding> {
  const rounds: Finding[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const referenceMicroseconds = await costOfCall(yardstick, ROUND_CALLS, 0)
    const sluiceMicroseconds = await costOfCall(measured, ROUND_CALLS, PUT_OFF_MS)
    rounds.push({
      multiple: sluiceMicroseconds / referenceMicroseconds,
      sluiceMicroseconds,
      referenceMicroseconds,
    })
  }
  return {
    multiple: median(rounds.map((round) => round.multiple)),
    sluiceMicroseconds: median(rounds.map((round) => round.sluiceMicroseconds)),
    referenceMicroseconds: median(rounds.map((round) => round.referenceMicroseconds)),
  }
}

/** A run that is above the bound is repeated: the machine may have had something else to do. */
async function find(bound: number): Promise<Finding> {
  return await withSurroundings(DIRECTORY, async (context) => {
    await using yardstick = await reference.start(context)
    await using measured = await sluice.start(context)
    for (const target of [yardstick, measured]) await costOfCall(target, WARM_UP_CALLS, PUT_OFF_MS)
    const first = await compare(measured, yardstick)
    if (first.multiple <= bound) return first
    tell(first)
    say('that is above the bound; once more')
    const second = await compare(measured, yardstick)
    return second.multiple < first.multiple ? second : first
  })
}

async function count(): Promise<number> {
  return await withSurroundings(DIRECTORY, countInstructions)
}

function tell({ multiple, sluiceMicroseconds, referenceMicroseconds }: Finding): void {
  const costs = `${sluiceMicroseconds.toFixed(1)} µs against ${referenceMicroseconds.toFixed(1)} µs`
  say(`CPU of a call: ${multiple.toFixed(2)} times the reference relay's (${costs})`)
}

function tellCount(instructions: number): void {
  say(`Instructions of a call: ${Math.round(instructions).toLocaleString('en')}`)
}

/** @returns whether a figure is within a multiple of its baseline, which is said. */
function isWithin(figure: number, baseline: number, tolerance: number, { date }: { date: string }): boolean {
  const bound = baseline * tolerance
  const isGood = figure <= bound
  const written = bound.toLocaleString('en', { maximumFractionDigits: bound < 100 ? 2 : 0 })
  say(`${isGood ? 'within' : 'ABOVE'} the bound of ${written}: ${tolerance} × the baseline of ${date}`)
  return isGood
}

const { values } = parseArgs({ options: { record: { type: 'boolean' } } })
if (values.record === true) {
  const finding = await find(Infinity)
  tell(finding)
  const instructions = await count()
  tellCount(instructions)
  const baseline = {
    multiple: Number(finding.multiple.toFixed(3)),
    instructions: Math.round(instructions),
    date: new Date().toISOString().slice(0, 10),
    node: VERSION,
  }
  writeFileSync(BASELINE, `${JSON.stringify(baseline, null, 2)}\n`)
} else {
  const baseline = baselineSchema.parse(JSON.parse(readFileSync(BASELINE, 'utf8')))
  const finding = await find(baseline.multiple * TOLERANCE)
  tell(finding)
  const isCheap = isWithin(finding.multiple, baseline.multiple, TOLERANCE, baseline)
  const instructions = await count()
  tellCount(instructions)
  const isShort = isWithin(instructions, baseline.instructions, INSTRUCTIONS_TOLERANCE, baseline)
  const isOfThisNode = baseline.node === VERSION
  if (!isOfThisNode)
    say(`The baseline is of Node ${baseline.node}, this is ${VERSION}: counts do not compare`)
  const isGood = isCheap && isShort && isOfThisNode
  if (!isGood) say('If that is meant: node scripts/with-node.cjs scripts/regression.mjs --record')
  process.exitCode = isGood ? 0 : 1
}
