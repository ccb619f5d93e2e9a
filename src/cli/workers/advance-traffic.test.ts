/** What share of which traffic is admitted in advance, and that nobody waits for more than he has to. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { askOf, NOTHING_SPENT } from '../../../test/limits/limited-asks.ts'
import { settleDown, WorkersOfAHost, type HostedWorker } from '../../../test/limits/workers-of-a-host.ts'
import type { AdmitAnswer, AdmitMessage, LimitKind, ScopeAsk } from '../../limits/limit-store.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const FAR = 10_000_000

function callOf(kind: LimitKind, room: number, size = 10): AdmitMessage {
  return { tokens: size, cost: BigInt(size), asks: [askOf('key:k', kind, room, NOTHING_SPENT)] }
}

/** Some calls, one after the other, a millisecond for each four. @returns how many of them were admitted in advance. */
async function callOften(
  worker: HostedWorker,
  clock: { nowMs: number },
  calls: number,
  messageOf: (call: number) => AdmitMessage,
): Promise<number> {
  let inAdvance = 0
  for (let call = 0; call < calls; call += 1) {
    const asked = worker.store.admit(messageOf(call))
    if (!(asked instanceof Promise)) inAdvance += 1
    expect(await asked).toMatchObject({ admitted: true })
    if (call % 4 > 0) continue
    clock.nowMs += 1
    vi.advanceTimersByTime(1)
  }
  return inAdvance
}

/** Some calls that come fast. */
async function callFast(worker: HostedWorker, message: AdmitMessage, calls: number): Promise<void> {
  for (let call = 0; call < calls; call += 1)
    expect(await worker.store.admit(message)).toMatchObject({ admitted: true })
  await settleDown()
}

/** It takes and says nothing any more. */
function hang({ end }: HostedWorker): void {
  end.other?.removeAllListeners()
  end.removeAllListeners()
}

test.each([
  ['budget', 1],
  ['budget', 5],
  ['parallel', 1],
  ['parallel', 5],
] as const)('most calls with a limit of %s are admitted in advance, %i in each turn', async (kind, each) => {
  const clock = { nowMs: 1_000_000 }
  const worker = new WorkersOfAHost(clock).start()
  const underWay: { readonly asks: readonly ScopeAsk[]; readonly second: number }[] = []
  let spent = 0n
  let inAdvance = 0
  const onAnswer = (asks: readonly ScopeAsk[], answer: AdmitAnswer): void => {
    if (!answer.admitted) throw new Error(`refused by ${answer.limit}`)
    const settled = answer.uses[0]?.settled ?? 0n
    if (settled > spent) spent = settled
    underWay.push({ asks, second: answer.second })
  }
  for (let turn = 0; turn < 1_000; turn += 1) {
    // Now and then it is read that others have spent something.
    if (turn % 200 === 100) spent += 5n
    for (const { asks, second } of underWay.splice(0, each)) {
      spent += 9n
      const accounts = asks.map(({ budget }) => budget?.account)
      const used = { tokens: 9, tokensReserved: 10, cost: 9n, costReserved: 10n }
      worker.store.settle({ asks, accounts, second, ...used })
    }
    for (let call = 0; call < each; call += 1) {
      const asks = [askOf('key:k', kind, FAR, () => spent)]
      const asked = worker.store.admit({ tokens: 10, cost: 10n, asks })
      if (asked instanceof Promise) void asked.then((answer) => onAnswer(asks, answer))
      else {
        inAdvance += 1
        onAnswer(asks, asked)
      }
    }
    await new Promise((resolve) => setImmediate(resolve))
    if (turn % 3 > 0) continue
    clock.nowMs += 1
    vi.advanceTimersByTime(1)
  }
  expect(inAdvance).toBeGreaterThan(900 * each)
})

test.each(['parallel', 'budget'] as const)(
  'calls that have grown are admitted in advance again: %s',
  async (kind) => {
    const clock = { nowMs: 1_000_000 }
    const worker = new WorkersOfAHost(clock).start()
    await callOften(worker, clock, 500, () => callOf(kind, FAR, 10))
    await settleDown()
    expect(await callOften(worker, clock, 2_000, () => callOf(kind, FAR, 11))).toBeGreaterThan(1_000)
  },
)

test('calls of all sizes are alike where neither tokens nor cost are limited', async () => {
  const clock = { nowMs: 1_000_000 }
  const worker = new WorkersOfAHost(clock).start()
  await callOften(worker, clock, 100, () => callOf('parallel', FAR, 10))
  expect(await callOften(worker, clock, 100, (call) => callOf('parallel', FAR, 10 + call))).toBeGreaterThan(
    90,
  )
})

/** Calls of one key, of a model with a price and of one without. */
function paidAndFree(): { readonly paid: AdmitMessage; readonly free: AdmitMessage } {
  const ask = { ...askOf('key:k', 'budget', FAR, NOTHING_SPENT), requestsPerMinute: FAR }
  return {
    paid: { tokens: 10, cost: 10n, asks: [ask] },
    free: { tokens: 10, cost: 0n, asks: [{ ...ask, budget: undefined }] },
  }
}

test('calls with a price and without, in turn, are admitted in advance', async () => {
  const clock = { nowMs: 1_000_000 }
  const worker = new WorkersOfAHost(clock).start()
  const { paid, free } = paidAndFree()
  expect(await callOften(worker, clock, 1_000, (call) => (call % 2 === 0 ? free : paid))).toBeGreaterThan(900)
})

test('a call with a price calls nothing back that calls without one have in advance', async () => {
  const host = new WorkersOfAHost({ nowMs: 1_000_000 })
  const { paid, free } = paidAndFree()
  await callFast(host.start(), free, 40)
  expect(await host.start().store.admit(paid)).toMatchObject({ admitted: true })
  expect(host.recalls).toBe(0)
})

test('a call of another key does not wait for a worker that hangs', async () => {
  const host = new WorkersOfAHost({ nowMs: 1_000_000 })
  const [holder, asker] = [host.start(), host.start()]
  await callFast(holder, callOf('budget', 2_000), 40)
  hang(holder)
  const waits = asker.store.admit({ ...callOf('budget', 2_000), cost: 19600n })
  const asks = [askOf('key:other', 'parallel', 5, NOTHING_SPENT)]
  expect(await asker.store.admit({ tokens: 1, cost: 1n, asks })).toMatchObject({ admitted: true })
  vi.advanceTimersByTime(1_000)
  expect(await waits).toMatchObject({ admitted: true })
})

test('while a call waits for what is in advance, nothing more is admitted in advance of its limit', async () => {
  const clock = { nowMs: 1_000_000 }
  const host = new WorkersOfAHost(clock)
  const [slow, busy, asker] = [host.start(), host.start(), host.start()]
  const message = callOf('budget', 4_000)
  await callFast(slow, message, 40)
  await callFast(busy, message, 40)
  hang(slow)
  const waits = asker.store.admit({ ...message, cost: 38000n })
  await settleDown()
  expect(host.recalls).toBe(2)
  clock.nowMs += 30
  await callFast(busy, message, 20)
  vi.advanceTimersByTime(1_000)
  expect(await waits).toMatchObject({ admitted: true })
  expect(host.recalls).toBe(2)
})

test('what can never be granted is asked for once in a while', async () => {
  const clock = { nowMs: 1_000_000 }
  const worker = new WorkersOfAHost(clock).start()
  await callOften(worker, clock, 400, () => callOf('requests', 500))
  // Each call, and one question.
  expect(worker.end.sent).toBe(401)
})
