/** What one pod is told about a key, all pods know; and many writers on one team do not stand in each other's way. */
import { setTimeout as delay } from 'node:timers/promises'
import { Load, planOf } from '../load.ts'
import { Platform } from '../platform.ts'
import type { Pod } from '../pod.ts'
import { describeFailures, settledOutcome, steadyScenario, type Scenario } from '../scenario.ts'

const MAX_BLOCK_MS = 1_000
const GIVE_UP_MS = 100_000

export const blockedKey: Scenario = {
  name: 'a key is blocked',
  injected: 'one of 4 pods is told to block a key that all pods know; then again without Redis',
  promised: 'refused on all pods within 1 s',
  run: async (form) => {
    await using platform = await Platform.start({ pods: 4 })
    const load = new Load(platform.url, [])
    const rounds = form.length === 'full' ? 20 : 2
    const faults: string[] = []
    const notes: string[] = []
    const play = async (title: string): Promise<number> => {
      const times: number[] = []
      for (let round = 0; round < rounds; round += 1) times.push(await blockEverywhere(platform, load))
      const slowestMs = Math.max(...times)
      notes.push(`${title}: ${rounds} blocks, the slowest ${Math.round(slowestMs)} ms`)
      if (form.length === 'full' && slowestMs > MAX_BLOCK_MS)
        faults.push(`${title}: a blocked key was good for ${Math.round(slowestMs)} ms`)
      return slowestMs
    }
    const slowest = [await play('with Redis')]
    await platform.redis.stop()
    slowest.push(await play('Redis stopped'))
    const failed = load.seen.filter((seen) => seen.end !== 'whole')
    faults.push(...describeFailures(failed))
    return await settledOutcome(platform, load, { failed, notes, faults, recoveryMs: Math.max(...slowest) })
  },
}

/** @returns the time from the answer to the block until the last pod refused the key, in milliseconds. */
export async function blockEverywhere(platform: Platform, load: Load): Promise<number> {
  const key = await platform.newKey({})
  const number = load.addKey(key)
  await Promise.all(
    platform.pods.map(({ name, url }) =>
      load.play(planOf(`${name}-${number}`, 'whole', number, 'latency=1'), url),
    ),
  )
  await platform.manage('/key/block', { key })
  const fromMs = performance.now()
  const times = await Promise.all(platform.pods.map((pod) => refusedAfter(pod, key, fromMs)))
  return Math.max(...times)
}

async function refusedAfter(pod: Pod, key: string, fromMs: number): Promise<number> {
  for (;;) {
    const answer = await fetch(`${pod.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
    await answer.arrayBuffer()
    const ms = performance.now() - fromMs
    if (answer.status === 401) return ms
    if (ms > GIVE_UP_MS) throw new Error(`${pod.name} never refuses a blocked key`)
    await delay(10)
  }
}

const WRITERS = 20
/** Of each key. */
const CHANGE_EVERY_MS = 500

/** Keys whose calls are all booked to one team. */
export async function writerKeys(platform: Platform): Promise<readonly string[]> {
  const team = await platform.manage('/team/new', { team_id: 'writers', team_alias: 'writers' })
  const key = (): Promise<string> => platform.newKey({ team_id: team['team_id'], max_budget: 1_000 })
  return await Promise.all(Array.from({ length: WRITERS }, key))
}

export const teamWriters = steadyScenario({
  name: '20 writers on one team',
  injected: `${WRITERS} keys of one team call over 4 pods, while each key is changed twice a second`,
  promised: 'no deadlock in the log of PostgreSQL, no failed call, every sum right',
  pods: 4,
  callsPerSecond: 100,
  makeKeys: writerKeys,
  strike: async ({ platform, form, keys, note }) => {
    const untilMs = performance.now() + (form.length === 'full' ? 20_000 : 3_000)
    let changes = 0
    const writers = keys.map(async (key, number) => {
      const { url } = platform.pod(number % platform.pods.length)
      while (performance.now() < untilMs) {
        await platform.manage('/key/update', { key, metadata: { change: changes } }, url)
        changes += 1
        await delay(CHANGE_EVERY_MS)
      }
    })
    await Promise.all(writers)
    note(`${changes} changes of keys`)
    return undefined
  },
})
