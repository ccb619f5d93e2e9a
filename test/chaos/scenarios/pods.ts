/** What befalls pods: a kill, a rolling restart, a wrong clock, a full disk. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { OPERATION_COUNTERS } from '../../../src/telemetry/metrics/operations.ts'
import { Load } from '../load.ts'
import { Platform } from '../platform.ts'
import { describeFailures, settledOutcome, steadyKeys, steadyScenario, type Scenario } from '../scenario.ts'

/** Until probes have seen that a pod is gone, with room for a machine that is busy. */
const NOTICE_MS = 2_000

export const killPod = steadyScenario({
  name: 'kill -9 of a pod',
  injected: 'one of 3 pods is killed without a goodbye, and started again on its data directory',
  promised: 'only calls that were on it fail; each is booked, those that were cut with an estimate',
  pods: 3,
  strike: async ({ platform, form, mark }) => {
    const rounds = form.length === 'full' ? 3 : 1
    for (let round = 0; round < rounds; round += 1) {
      mark()
      await platform.pod(round).kill()
      await platform.pod(round).start()
    }
    return undefined
  },
  mayFail: ({ startedAtMs, endedAtMs }, { pods }) =>
    pods
      .flatMap((pod) => pod.endings)
      .some(({ fromMs }) => endedAtMs >= fromMs && startedAtMs <= fromMs + NOTICE_MS),
})

const SHIFT_MS = 240_000

export const clockSkew = steadyScenario({
  name: 'clock skew',
  injected: 'of 3 pods one is 4 minutes ahead, one 4 minutes behind',
  promised: 'no failed call; each is booked once',
  pods: 3,
  environment: (pod) => ({
    NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, '..', 'clock-shift.mjs')).href}`,
    CHAOS_CLOCK_SHIFT_MS: String((pod - 1) * SHIFT_MS),
  }),
  strike: async ({ platform, form }) => {
    // A key that one pod has made, with an end, is good on all of them.
    const key = await platform.newKey({ duration: '1h' })
    for (const pod of platform.pods) {
      const answer = await fetch(`${pod.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
      if (!answer.ok) throw new Error(`a new key is refused by ${pod.name}: ${await answer.text()}`)
    }
    await delay(form.length === 'full' ? 8_000 : 2_000)
    return undefined
  },
})

export const fullDisk = steadyScenario({
  name: 'disk full on the journal',
  injected: 'no file of 2 pods can grow (RLIMIT_FSIZE 0) for 15 s',
  promised: 'no failed call; each is booked from memory, and the metric tells of it',
  pods: 2,
  strike: async ({ platform, form, note, fault }) => {
    for (const pod of platform.pods) await pod.fillDisk(true)
    await delay(form.length === 'full' ? 15_000 : 3_000)
    const counts = await Promise.all(
      platform.pods.map((pod) => pod.metric(OPERATION_COUNTERS.unjournaledRecords.name)),
    )
    note(`${counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)} records could not be journaled`)
    if (counts.some((count) => count === undefined || count === 0))
      fault('the metric of unwritten records is silent')
    for (const pod of platform.pods) await pod.fillDisk(false)
    return undefined
  },
})

const DEFAULT_NOTICE_SECONDS = '5'
const STREAMS = 500
const SHORT_STREAMS = 60

export const rollingRestart: Scenario = {
  name: 'rolling restart under streams',
  injected: `SIGTERM to both pods, one after the other, under ${STREAMS} streams`,
  promised: 'no failed call, no cut stream, spend difference 0',
  run: async (form) => {
    const isFull = form.length === 'full'
    await using platform = await Platform.start({
      pods: 2,
      environment: () => ({ SLUICE_DRAIN_NOTICE_SECONDS: isFull ? DEFAULT_NOTICE_SECONDS : '2' }),
    })
    const load = new Load(platform.url, await steadyKeys(platform))
    const stop = new AbortController()
    const streams = isFull ? STREAMS : SHORT_STREAMS
    const played = load.playStreams(streams, (number) => streamOf(number, isFull), stop.signal)
    await delay(isFull ? 4_000 : 1_500)
    const restarts: number[] = []
    for (const pod of platform.pods) {
      const begunAtMs = performance.now()
      await pod.stop()
      restarts.push(performance.now() - begunAtMs)
      await pod.start()
      await delay(NOTICE_MS)
    }
    stop.abort()
    await played
    const failed = load.seen.filter((seen) => seen.end !== 'whole')
    const notes = [
      `pods ended ${restarts.map((ms) => (ms / 1_000).toFixed(1)).join(' s and ')} s after SIGTERM`,
    ]
    return await settledOutcome(platform, load, { failed, notes, faults: describeFailures(failed) })
  },
}

/** Streams of different lengths, so that they do not begin and end together. */
function streamOf(number: number, isFull: boolean): string {
  const chunks = isFull ? 20 + (number % 20) : 8 + (number % 8)
  return `chunks=${chunks} interval=200 ttft=${number % 100}`
}
