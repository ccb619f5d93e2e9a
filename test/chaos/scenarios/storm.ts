/** Thousands of clients that come, and leave at any moment, beside others that want to be served. */
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { planOf, type CallKind } from '../load.ts'
import { MASTER_KEY } from '../pod.ts'
import { Random } from '../../money/random.ts'
import type { Leave } from '../../money/call-plan.ts'
import { steadyScenario, type SteadyRun } from '../scenario.ts'

const CLIENTS = 6_000
const SHORT_CLIENTS = 300
const AT_ONCE = 150
const SEED = 1
const IDLE_TIMEOUT_MS = 15_000

export const clientStorm = steadyScenario({
  name: 'client storm',
  injected: `${CLIENTS} clients that leave at random: before, in or after their request, and in the answer`,
  promised: 'the others are served; nothing of the storm stays behind; what was produced is paid',
  pods: 2,
  callsPerSecond: 40,
  strike: async (run) => {
    const clients = run.form.length === 'full' ? CLIENTS : SHORT_CLIENTS
    const random = new Random(SEED)
    let left = clients
    const callers = Array.from({ length: AT_ONCE }, async () => {
      while (left > 0) await client(run, random, (left -= 1))
    })
    await Promise.all(callers)
    await idle(run)
    return undefined
  },
})

async function client(run: SteadyRun, random: Random, number: number): Promise<void> {
  if (random.chance(0.4)) return await halfRequest(run, random, number)
  const kind = random.pick<CallKind>(['whole', 'chat-stream', 'messages-stream'])
  const leave: Leave = random.chance(0.5)
    ? { kind: 'piece', piece: random.between(1, 10) }
    : { kind: 'time', afterMs: random.between(0, 200) }
  const plan = planOf(`storm-${number}`, kind, number % run.keys.length, 'chunks=12 interval=15 latency=40')
  await run.load.play({ ...plan, leave })
}

/** Connects, sends a part of a request or nothing, and goes. */
async function halfRequest({ platform, load }: SteadyRun, random: Random, number: number): Promise<void> {
  const plan = planOf(`half-${number}`, 'whole', 0, '')
  load.plans.push(plan)
  const head = [
    `POST ${plan.path} HTTP/1.1`,
    'host: sluice',
    `authorization: Bearer ${MASTER_KEY}`,
    `x-litellm-end-user-id: ${plan.id}`,
    `content-length: ${plan.body.length}`,
  ]
  const request = `${head.join('\r\n')}\r\n\r\n${plan.body.toString()}`
  const socket = connect(platform.pod(number % 2).port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(request.slice(0, random.between(0, request.length - 1)))
  await delay(random.between(0, 40))
  if (random.chance(0.5)) socket.resetAndDestroy()
  else socket.destroy()
}

/** Waits until the pods have nothing in flight but the steady calls. */
async function idle({ platform, note, fault }: SteadyRun): Promise<void> {
  const giveUpAtMs = performance.now() + IDLE_TIMEOUT_MS
  for (;;) {
    const counts = await Promise.all(platform.pods.map(async (pod) => await backlogOf(pod.url)))
    const inFlight = counts.reduce((sum, count) => sum + count, 0)
    // 40 steady calls a second of at most a fifth of a second, and this request.
    if (inFlight <= 20) return note(`${inFlight} requests in flight after it`)
    if (performance.now() > giveUpAtMs)
      return fault(`${inFlight} requests are still in flight after the storm`)
    await delay(100)
  }
}

async function backlogOf(url: string): Promise<number> {
  const answer = await fetch(`${url}/health/backlog`, { headers: { authorization: `Bearer ${MASTER_KEY}` } })
  const { in_flight_requests } = (await answer.json()) as { in_flight_requests: number }
  return in_flight_requests
}
