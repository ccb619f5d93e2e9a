/** What befalls Redis: it hangs, stops, comes back empty, or the wire to it is cut. */
import { setTimeout as delay } from 'node:timers/promises'
import { planOf } from '../load.ts'
import { steadyScenario, type Form, type SteadyRun } from '../scenario.ts'

const PROMISE = 'no failed call; added p99 below 50 ms; shared limits again within 2 s'
const MAX_ADDED_P99_MS = 50
const MAX_RECOVERY_MS = 2_000
const GIVE_UP_MS = 60_000

/** Long enough that the calls which find the fault out are less than one in a hundred. */
function faultMs(form: Form): number {
  return form.length === 'full' ? 30_000 : 3_000
}

export const redisPaused = steadyScenario({
  name: 'Redis paused',
  injected: 'Redis hangs (SIGSTOP) for 30 s: connections stand, nothing is answered',
  promised: PROMISE,
  pods: 3,
  maxAddedP99Ms: MAX_ADDED_P99_MS,
  maxRecoveryMs: MAX_RECOVERY_MS,
  strike: async (run) => {
    run.platform.redis.pause()
    await delay(faultMs(run.form))
    run.platform.redis.resume()
    return await sharedAgain(run)
  },
})

export const redisStopped = steadyScenario({
  name: 'Redis stopped',
  injected: 'Redis is killed, and comes back empty after 30 s',
  promised: PROMISE,
  pods: 3,
  maxAddedP99Ms: MAX_ADDED_P99_MS,
  maxRecoveryMs: MAX_RECOVERY_MS,
  strike: async (run) => {
    await run.platform.redis.stop()
    await delay(faultMs(run.form))
    await run.platform.redis.start()
    return await sharedAgain(run)
  },
})

export const redisRestarted = steadyScenario({
  name: 'Redis restarts',
  injected: 'Redis is killed and started again at once, 5 times, 3 s apart',
  promised: PROMISE,
  pods: 3,
  maxAddedP99Ms: MAX_ADDED_P99_MS,
  maxRecoveryMs: MAX_RECOVERY_MS,
  strike: async (run) => {
    for (let restart = 1; ; restart += 1) {
      await run.platform.redis.stop()
      await run.platform.redis.start()
      if (restart === (run.form.length === 'full' ? 5 : 1)) return await sharedAgain(run)
      await delay(3_000)
    }
  },
})

export const redisCut = steadyScenario({
  name: 'network cut to Redis',
  injected: 'every byte between pods and Redis is lost for 30 s; open connections stay dead for ever',
  promised: PROMISE,
  pods: 3,
  wires: ['redis'],
  maxAddedP99Ms: MAX_ADDED_P99_MS,
  maxRecoveryMs: MAX_RECOVERY_MS,
  strike: async (run) => {
    run.platform.wires.redis?.cut()
    await delay(faultMs(run.form))
    run.platform.wires.redis?.heal()
    return await sharedAgain(run)
  },
})

/** Waits until each pod has counted a call in Redis. @returns how long that took, in milliseconds. */
async function sharedAgain(run: SteadyRun): Promise<number> {
  const fromMs = performance.now()
  await Promise.all(run.platform.pods.map((_, pod) => podShares(run, pod, fromMs + GIVE_UP_MS)))
  return performance.now() - fromMs
}

async function podShares({ platform, load }: SteadyRun, number: number, giveUpAtMs: number): Promise<void> {
  const pod = platform.pod(number)
  const key = await platform.manage('/key/generate', { rpm_limit: 1_000_000 }, pod.url)
  const keyNumber = load.addKey(String(key['key']))
  for (let call = 0; performance.now() < giveUpAtMs; call += 1) {
    await load.play(planOf(`shared-${keyNumber}-${call}`, 'whole', keyNumber, 'latency=1'), pod.url)
    if ((await platform.redis.command('keys', `*${String(key['token'])}*`)) !== '') return
    await delay(20)
  }
  throw new Error(`${pod.name} does not count in Redis any more`)
}
