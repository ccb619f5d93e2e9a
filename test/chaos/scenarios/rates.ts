/** Rates over many processes: one limit for all of them, and what is declared for the time without Redis. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Seen } from '../../money/play-call.ts'
import type { CallPlan } from '../../money/call-plan.ts'
import { Load, planOf, promptOf } from '../load.ts'
import { Platform } from '../platform.ts'
import { describeFailures, settledOutcome, type Form, type Outcome, type Scenario } from '../scenario.ts'

const PODS = 8
const MINUTE_MS = 60_000
const REQUESTS = 120
const OUTPUT_TOKENS = 50
/** All calls are of one size. */
function rateCall(key: number, number: number): CallPlan {
  const id = `rate-${key}-${String(number).padStart(6, '0')}`
  return planOf(id, 'whole', key, `latency=10 tokens=${OUTPUT_TOKENS}`)
}

/** The meter's input is the prompt's bytes by four. */
const TOKENS_PER_CALL = Math.ceil(promptOf(rateCall(0, 0)).length / 4) + OUTPUT_TOKENS
const TOKENS = REQUESTS * TOKENS_PER_CALL

const TOLERANCE = 0.05
/** Of each key, above what its limit lets through. */
const CALLS_PER_SECOND = 6

/** Keys of the runs below, by their number. */
const LIMITED = [
  { kind: 'requests', limits: { rpm_limit: REQUESTS }, perMinute: REQUESTS },
  { kind: 'tokens', limits: { tpm_limit: TOKENS }, perMinute: REQUESTS },
] as const

export const ratesShared: Scenario = {
  name: 'rates over 8 processes',
  injected: `three times the limit is asked of a key with ${REQUESTS} requests and one with ${TOKENS} tokens a minute`,
  promised: 'within 5 % of the limit in each minute',
  run: async (form) => {
    const pods = form.length === 'full' ? PODS : PODS / 2
    await using platform = await Platform.start({ pods, patientWithRedis: true })
    const load = await offered(platform, form)
    const findings = LIMITED.flatMap(({ kind, perMinute }, key) =>
      admittedByMinute(load.seen, key, form).map((count, minute) => {
        const text = `${kind}, minute ${minute + 1}: ${count} of ${perMinute} calls`
        return { text, isWithin: Math.abs(count - perMinute) <= perMinute * TOLERANCE }
      }),
    )
    const faults = findings.filter(({ isWithin }) => !isWithin).map(({ text }) => text)
    return await concluded(
      platform,
      load,
      findings.map(({ text }) => text),
      faults,
    )
  },
}

export const ratesAlone: Scenario = {
  name: 'rates without Redis',
  injected: 'the same with Redis stopped',
  promised: 'each process keeps the limit by itself: at least the limit, at most 8 times the limit',
  run: async (form) => {
    await using platform = await Platform.start({ pods: PODS })
    await platform.redis.stop()
    const load = await offered(platform, form)
    const findings = LIMITED.map(({ kind, perMinute }, key) => {
      const count = admittedByMinute(load.seen, key, form)[0] ?? 0
      const isWithin = count >= perMinute * (1 - TOLERANCE) && count <= PODS * perMinute * (1 + TOLERANCE)
      return { text: `${kind}: ${count} calls in a minute, the limit is ${perMinute} a process`, isWithin }
    })
    const faults = findings.filter(({ isWithin }) => !isWithin).map(({ text }) => text)
    return await concluded(
      platform,
      load,
      findings.map(({ text }) => text),
      faults,
    )
  },
}

export const ratesClosed: Scenario = {
  name: 'rates without Redis, fail_closed',
  injected: 'Redis stopped, with limits_on_store_loss: fail_closed',
  promised: 'a key with limits is refused, one without is served',
  run: async (form) => {
    const generalSettings = { limits_on_store_loss: 'fail_closed' }
    await using platform = await Platform.start({ pods: 2, generalSettings })
    const keys = [await platform.newKey({ rpm_limit: 1_000 }), await platform.newKey()]
    const load = new Load(platform.url, keys)
    await platform.redis.stop()
    const calls = form.length === 'full' ? 100 : 20
    for (let number = 0; number < calls; number += 1) {
      await load.play(planOf(`closed-${number}`, 'whole', number % 2, 'latency=1'))
    }
    const limited = load.seen.filter((seen) => seen.plan.key === 0)
    const served = limited.filter((seen) => seen.status === 200).length
    const notes = [`${served} of ${limited.length} calls with limits were served`]
    const faults = served === 0 ? [] : notes
    const failed = load.seen.filter((seen) => seen.plan.key === 1 && seen.end !== 'whole')
    return await settledOutcome(platform, load, {
      failed,
      notes,
      faults: [...faults, ...describeFailures(failed)],
    })
  },
}

/** Asks for more than the limits let through: for two minutes and a little, or in the short form in one burst. */
async function offered(platform: Platform, form: Form): Promise<Load> {
  const keys = await Promise.all(LIMITED.map(({ limits }) => platform.newKey(limits)))
  const load = new Load(platform.url, keys)
  const calls: Promise<unknown>[] = []
  const seconds = form.length === 'full' ? 2 * 60 + 5 : 3
  const aSecond = form.length === 'full' ? CALLS_PER_SECOND : 2 * REQUESTS
  const beganAtMs = performance.now()
  for (let number = 0; number < seconds * aSecond; number += 1) {
    for (const key of keys.keys()) calls.push(load.play(rateCall(key, number)))
    const leftMs = beganAtMs + ((number + 1) * 1_000) / aSecond - performance.now()
    if (leftMs > 0) await delay(leftMs)
  }
  await Promise.all(calls)
  return load
}

/** Served calls of a key in each whole minute from its first one on; in the short form all of them. */
function admittedByMinute(seen: readonly Seen[], key: number, form: Form): readonly number[] {
  const served = seen.filter((one) => one.plan.key === key && one.status === 200)
  if (form.length === 'short') return [served.length]
  const firstMs = Math.min(...served.map((one) => one.startedAtMs))
  return [0, 1].map((minute) => {
    const fromMs = firstMs + minute * MINUTE_MS
    return served.filter(({ startedAtMs }) => startedAtMs >= fromMs && startedAtMs < fromMs + MINUTE_MS)
      .length
  })
}

async function concluded(
  platform: Platform,
  load: Load,
  notes: readonly string[],
  faults: readonly string[],
): Promise<Outcome> {
  const failed = load.seen.filter((seen) => seen.end !== 'whole' && seen.status !== 429)
  return await settledOutcome(platform, load, {
    failed,
    notes,
    faults: [...faults, ...describeFailures(failed)],
  })
}
