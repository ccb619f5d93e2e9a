import { expect, test } from 'vitest'
import { joinedPipes } from '../../../test/joined-pipes.ts'
import type { AdmitMessage } from '../../limits/limit-store.ts'
import { Channel, ChannelError } from './channel.ts'
import { HostLimitStore } from './host-limit-store.ts'
import { HostLimits } from './host-limits.ts'

test('questions of both sides are answered, in whichever order the answers come', async () => {
  const [near, far] = joinedPipes()
  const [worker, above] = [new Channel(near), new Channel(far)]
  const late = Promise.withResolvers<number>()
  above.answer('drainAll', () => late.promise)
  above.answer('ready', ({ database }) => (database === 'postgresql' ? 7 : undefined))
  worker.answer('drain', () => 3)
  const first = worker.ask('drainAll', undefined)
  expect(await worker.ask('ready', { database: 'postgresql' })).toBe(7)
  expect(await above.ask('drain', undefined)).toBe(3)
  late.resolve(5)
  expect(await first).toBe(5)
})

test('a side that fails, does not know the topic, or is gone, ends the wait', async () => {
  const [near, far] = joinedPipes()
  const [worker, above] = [new Channel(near), new Channel(far)]
  above.answer('metrics', () => Promise.reject(new Error('no metrics today')))
  await expect(worker.ask('metrics', undefined)).rejects.toThrow('no metrics today')
  await expect(worker.ask('replace', undefined)).rejects.toThrow(ChannelError)
  above.answer('drainAll', () => new Promise<number>(() => undefined))
  const hanging = worker.ask('drainAll', undefined)
  near.cut()
  await expect(hanging).rejects.toThrow('the other process is gone')
  await expect(worker.ask('drainAll', undefined)).rejects.toThrow(ChannelError)
  expect(worker.open).toBe(false)
})

const ONE_AT_A_TIME: AdmitMessage = {
  tokens: 0,
  cost: 0n,
  asks: [
    {
      scope: 'key:k',
      requestsPerMinute: undefined,
      tokensPerMinute: undefined,
      parallelRequests: 2,
      budget: undefined,
    },
  ],
}

function settlementOf(second: number) {
  return {
    asks: ONE_AT_A_TIME.asks,
    accounts: [undefined],
    second,
    tokensReserved: 0,
    tokens: 0,
    costReserved: 0n,
    cost: 0n,
  }
}

function workersOf(count: number) {
  const limits = new HostLimits(
    () => 1_000_000,
    () => undefined,
  )
  const workers = Array.from({ length: count }, (_, index) => {
    const [near, far] = joinedPipes()
    new Channel(far).answer('limits', (steps) => limits.take(String(index), steps))
    return { end: near, store: new HostLimitStore(new Channel(near), () => 1_000_000) }
  })
  return { limits, workers }
}

test('workers count together: what one has admitted, another refuses', async () => {
  const { workers } = workersOf(2)
  const [one, two] = [workers[0]!.store, workers[1]!.store]
  expect((await one.admit(ONE_AT_A_TIME)).admitted).toBe(true)
  const second = await two.admit(ONE_AT_A_TIME)
  expect((await one.admit(ONE_AT_A_TIME)).admitted).toBe(false)
  if (!second.admitted) throw new Error('the second was refused')
  two.settle(settlementOf(second.second))
  await two.close()
  expect((await one.admit(ONE_AT_A_TIME)).admitted).toBe(true)
})

test('what the calls of one turn ask goes in one message, in the order in which it was asked', async () => {
  const { workers } = workersOf(1)
  const { store, end } = workers[0]!
  const answers = await Promise.all([
    store.admit(ONE_AT_A_TIME),
    store.admit(ONE_AT_A_TIME),
    store.admit(ONE_AT_A_TIME),
  ])
  expect(answers.map(({ admitted }) => admitted)).toEqual([true, true, false])
  expect(end.sent).toBe(1)
})

test('what a worker held is free again when it has died', async () => {
  const { limits, workers } = workersOf(2)
  const [one, two] = [workers[0]!.store, workers[1]!.store]
  await one.admit(ONE_AT_A_TIME)
  await one.admit(ONE_AT_A_TIME)
  expect((await two.admit(ONE_AT_A_TIME)).admitted).toBe(false)
  limits.gone('0')
  expect((await two.admit(ONE_AT_A_TIME)).admitted).toBe(true)
})

test('without the process above the store says that it is not available, and an admission under way fails', async () => {
  const { workers } = workersOf(1)
  const { store, end } = workers[0]!
  expect(store.available).toBe(true)
  const hanging = store.admit(ONE_AT_A_TIME)
  end.cut()
  await expect(hanging).rejects.toThrow()
  expect(store.available).toBe(false)
})
