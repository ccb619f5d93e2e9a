/** Budgets over pods: many calls at once spend no more than is documented, and huge bounds refuse nobody. */
import { setTimeout as delay } from 'node:timers/promises'
import { picodollars, toDecimal } from '../../../src/money/picodollars.ts'
import { Load, planOf } from '../load.ts'
import { Platform } from '../platform.ts'
import type { Reckoning } from '../reckoning.ts'
import { describeFailures, settledOutcome, type Remarks, type Scenario } from '../scenario.ts'

const PODS = 4
const PARALLEL = 200
/** Calls by which each pod learns how long the answers of the model group are. */
const LESSONS = 60
const BUDGET_USD = 0.008
const BUDGET = 8_000_000_000n

/** Answers are of 20 to 60 tokens. */
function answerOf(number: number): string {
  return `tokens=${20 + ((number * 7) % 41)}`
}

export const smallBudget: Scenario = {
  name: 'small budget, many calls',
  injected: `${PARALLEL} calls at once on a key with money for about 20, over ${PODS} pods, 100 times`,
  promised: 'overspend within the bound of docs/limits.md; a key with money left is served',
  run: async (form) => {
    await using platform = await Platform.start({ pods: PODS, patientWithRedis: true })
    const load = new Load(platform.url, [await platform.newKey()])
    await learn(load, platform)
    const keys: number[] = []
    for (let run = 0; run < (form.length === 'full' ? 100 : 5); run += 1) {
      const key = load.addKey(await platform.newKey({ max_budget: BUDGET_USD }))
      keys.push(key)
      await burst(load, key, run)
      await spendRest(load, key, run)
    }
    const failed = load.seen.filter((seen) => seen.end !== 'whole' && seen.status !== 429)
    const findings = { failed, notes: [], faults: describeFailures(failed) }
    return await settledOutcome(platform, load, findings, (reckoning) => judgeOverspend(reckoning, keys))
  },
}

async function learn(load: Load, platform: Platform): Promise<void> {
  for (const { name, url } of platform.pods) {
    const lesson = (number: number): Promise<unknown> =>
      load.play(planOf(`lesson-${name}-${number}`, 'whole', 0, `latency=5 ${answerOf(number)}`), url)
    await Promise.all(Array.from({ length: LESSONS }, (_, number) => lesson(number)))
  }
}

async function burst(load: Load, key: number, run: number): Promise<void> {
  const call = (number: number): Promise<unknown> =>
    load.play(planOf(`burst-${run}-${number}`, 'whole', key, `latency=30 ${answerOf(number)}`))
  await Promise.all(Array.from({ length: PARALLEL }, (_, number) => call(number)))
}

/** What a call had reserved is given back milliseconds after its end: until then the rest may seem to be taken. */
const PATIENCE = 5
const PATIENCE_MS = 60

/** One call after the other until the budget refuses for good. */
async function spendRest(load: Load, key: number, run: number): Promise<void> {
  let refusals = 0
  for (let number = 0; number < PARALLEL && refusals < PATIENCE; number += 1) {
    const seen = await load.play(planOf(`rest-${run}-${number}`, 'whole', key, answerOf(number)))
    refusals = seen.status === 429 ? refusals + 1 : 0
    if (refusals > 0) await delay(PATIENCE_MS)
  }
}

function judgeOverspend(reckoning: Reckoning, keys: readonly number[]): Remarks {
  const bound = reckoning.dearestPicodollars
  const overspends = keys.map((key) => (reckoning.spentByKey.get(key) ?? 0n) - BUDGET)
  const most = overspends.reduce((a, b) => (a > b ? a : b), -BUDGET)
  return {
    notes: [
      `at most ${dollars(most)} over a budget of ${dollars(BUDGET)}, where one call costs up to ${dollars(bound)}`,
    ],
    faults: overspends.flatMap((overspend, run) => {
      if (overspend > bound) return [`run ${run}: overspent by ${dollars(overspend)}`]
      return overspend < 0n ? [`run ${run}: refused with ${dollars(-overspend)} left`] : []
    }),
  }
}

function dollars(amount: bigint): string {
  return `$${toDecimal(picodollars(amount))}`
}

const HUGE_MAX_TOKENS = 100_000
/** An answer that costs one dollar. */
const DOLLAR_ANSWER = 'tokens=125000'

export const hugeBounds: Scenario = {
  name: 'huge max_tokens',
  injected: `1,000 calls at once with max_tokens ${HUGE_MAX_TOKENS} on a budget of $2 that is half used`,
  promised: 'no call is refused',
  run: async (form) => {
    await using platform = await Platform.start({ pods: PODS, patientWithRedis: true })
    const load = new Load(platform.url, [await platform.newKey(), await platform.newKey({ max_budget: 2 })])
    await learn(load, platform)
    await load.play(planOf('dear', 'whole', 1, DOLLAR_ANSWER))
    const call = async (number: number): Promise<unknown> => {
      const sim = `latency=300 ${answerOf(number)}`
      return await load.play(planOf(`huge-${number}`, 'whole', 1, sim, { max_tokens: HUGE_MAX_TOKENS }))
    }
    const calls = form.length === 'full' ? 1_000 : 200
    await Promise.all(Array.from({ length: calls }, (_, number) => call(number)))
    const failed = load.seen.filter((seen) => seen.end !== 'whole')
    return await settledOutcome(platform, load, { failed, notes: [], faults: describeFailures(failed) })
  },
}
