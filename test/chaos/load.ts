/** Clients: calls at a steady rate, and many long streams at once. */
import { setTimeout as delay } from 'node:timers/promises'
import type { CallPlan } from '../money/call-plan.ts'
import { playCall, type Seen } from '../money/play-call.ts'

/** What a call is like; `whole` calls are the ones whose times are compared. */
export type CallKind = 'whole' | 'chat-stream' | 'messages-stream'

const PATHS = {
  whole: '/v1/chat/completions',
  'chat-stream': '/v1/chat/completions',
  'messages-stream': '/v1/messages',
} as const

/** A plan without anything that goes wrong; `sim` are instructions for the simulator. */
export function planOf(id: string, kind: CallKind, key: number, sim: string, members: object = {}): CallPlan {
  const stream = kind !== 'whole'
  const isMessages = kind === 'messages-stream'
  const body = {
    model: isMessages ? 'claude' : 'gpt',
    stream,
    ...(isMessages ? { max_tokens: 4_000 } : {}),
    ...members,
    messages: [{ role: 'user', content: `Tell me about ${id}. [[sim ${sim}]]` }],
  }
  return {
    id,
    dialect: isMessages ? 'anthropic-messages' : 'openai-chat',
    path: PATHS[kind],
    upstreamModel: isMessages ? 'sim-claude' : 'sim-gpt',
    stream,
    body: Buffer.from(JSON.stringify(body)),
    key,
    fault: undefined,
    leave: undefined,
    tool: false,
    naturalInput: true,
  }
}

/** The user's text of a plan. */
export function promptOf(plan: CallPlan): string {
  const { messages } = JSON.parse(plan.body.toString()) as { messages: readonly { content: string }[] }
  return messages[0]?.content ?? ''
}

const MIX: readonly (readonly [CallKind, string])[] = [
  ['whole', 'latency=20 tokens=20'],
  ['chat-stream', 'chunks=6 interval=20'],
  ['whole', 'latency=20 tokens=30'],
  ['messages-stream', 'chunks=8 interval=15'],
]

/** All calls of a scenario: what was planned, and what their clients saw. */
export class Load {
  readonly plans: CallPlan[] = []
  readonly seen: Seen[] = []
  readonly #url: string
  /** Steady calls take them in turn. */
  readonly #steadyKeys: number
  readonly #keys: string[]
  readonly #underWay = new Set<Promise<void>>()

  constructor(url: string, keys: readonly string[]) {
    this.#url = url
    this.#keys = [...keys]
    this.#steadyKeys = keys.length
  }

  /** @returns the number by which plans name the key. */
  addKey(key: string): number {
    return this.#keys.push(key) - 1
  }

  /** @param url of one pod, instead of the load balancer. */
  async play(plan: CallPlan, url = this.#url): Promise<Seen> {
    this.plans.push(plan)
    const seen = await playCall(plan, url, this.#keys[plan.key] ?? '')
    this.seen.push(seen)
    return seen
  }

  /** Starts calls of every kind at a steady rate, whatever becomes of them, until told otherwise. */
  async playSteadily(callsPerSecond: number, until: AbortSignal): Promise<void> {
    const beganAtMs = performance.now()
    for (let number = 0; !until.aborted; number += 1) {
      const [kind, sim] = MIX[number % MIX.length] ?? ['whole', '']
      this.#begin(planOf(`steady-${number}`, kind, number % this.#steadyKeys, sim))
      const dueAtMs = beganAtMs + ((number + 1) * 1_000) / callsPerSecond
      const leftMs = dueAtMs - performance.now()
      if (leftMs > 0) await delay(leftMs, undefined, { signal: until }).catch(() => {})
    }
    await Promise.all(this.#underWay)
  }

  /** So many streams at every moment, one after the other, until told otherwise; the last ones come to their end. */
  async playStreams(count: number, sim: (number: number) => string, until: AbortSignal): Promise<void> {
    let started = 0
    const callers = Array.from({ length: count }, async () => {
      while (!until.aborted) {
        started += 1
        const number = started
        const kind = number % 2 === 0 ? 'chat-stream' : 'messages-stream'
        await this.play(planOf(`stream-${number}`, kind, number % this.#steadyKeys, sim(number)))
      }
    })
    await Promise.all(callers)
  }

  #begin(plan: CallPlan): void {
    const call = this.play(plan).then(() => void this.#underWay.delete(call))
    this.#underWay.add(call)
  }
}
