import { expect, test } from 'vitest'
import { askOf } from '../../../test/limits/limited-asks.ts'
import type { AdmitMessage, Settlement, Tally } from '../../limits/limit-store.ts'
import { HostLimits } from './host-limits.ts'
import type { LimitStep } from './limit-steps.ts'
import { answersOf, stepsText } from './limit-text.ts'

const SECOND = 1_000

/** A call that knows of so much spend. */
function callKnowing(spent: bigint): AdmitMessage {
  return { tokens: 10, cost: 10n, asks: [askOf('key:k', 'budget', 100_000, () => spent)] }
}

/** Forty settled by a worker: by one call, or by three that are added up. */
const { asks } = callKnowing(0n)
const settlement: Settlement = {
  asks,
  accounts: asks.map(({ budget }) => budget?.account),
  second: SECOND,
  tokensReserved: 10,
  tokens: 10,
  costReserved: 10n,
  cost: 40n,
}
const tally: Tally = {
  asks,
  second: SECOND,
  ended: 3,
  unneeded: 0,
  tokensBack: 0,
  tokensMore: 0,
  costBack: 30n,
  cost: 40n,
}

/** One worker has calls in advance; another knows of a spend of 100 and waits for what the first has settled. */
function waiting() {
  const recalled: string[] = []
  const limits = new HostLimits(
    () => SECOND * 1_000,
    (worker) => void recalled.push(worker),
  )
  const take = (worker: string, ...steps: LimitStep[]) => answersOf(limits.take(worker, stepsText(steps)))
  const question = { id: 1, message: callKnowing(0n), calls: 16, steps: stepsText([]) }
  expect(limits.advance('holder', question)).toMatchObject({ calls: 16 })
  const [answer] = take('asker', { kind: 'admit', message: callKnowing(100n) })
  expect(recalled).toEqual(['holder'])
  if (answer === undefined || !('ticket' in answer)) throw new Error('it was decided at once')
  return { limits, take, ticket: answer.ticket }
}

test.each<[string, LimitStep]>([
  ['by itself', { kind: 'settle', settlement }],
  ['with others', { kind: 'tally', tally }],
])('what a worker has settled, told %s, is a part of what another has read', async (_, step) => {
  const { limits, take, ticket } = waiting()
  take('holder', step, { kind: 'close', id: 1 })
  expect(await limits.decision(ticket)).toMatchObject({ admitted: true })
  expect(take('asker', { kind: 'admit', message: callKnowing(0n) })).toMatchObject([
    { uses: [{ settled: 100n }] },
  ])
})

test('a call that waited is not told what is spent: its worker may have settled some of it meanwhile', async () => {
  const { limits, take, ticket } = waiting()
  take('asker', { kind: 'settle', settlement })
  take('holder', { kind: 'close', id: 1 })
  const answer = await limits.decision(ticket)
  expect(answer.admitted && answer.uses.map(({ settled }) => settled)).toEqual([undefined])
  expect(take('asker', { kind: 'admit', message: callKnowing(0n) })).toMatchObject([
    { uses: [{ settled: 140n }] },
  ])
})

test('a ticket is good for one answer, and none when its worker is gone', async () => {
  const { limits, take, ticket } = waiting()
  take('holder', { kind: 'close', id: 1 })
  await limits.decision(ticket)
  await expect(limits.decision(ticket)).rejects.toThrow(`no admission waits under ticket ${ticket}`)
  const gone = waiting()
  gone.limits.gone('asker')
  await expect(gone.limits.decision(gone.ticket)).rejects.toThrow('no admission waits')
})

test.each([
  [20_000, 512],
  [8_000, 500],
  [1_600, 100],
])(
  'of room for %i calls, %i are admitted in advance when more are asked for, and all are counted',
  (room, calls) => {
    const limits = new HostLimits(
      () => SECOND * 1_000,
      () => undefined,
    )
    const message: AdmitMessage = {
      tokens: 10,
      cost: 10n,
      asks: [askOf('key:k', 'budget', room, () => 0n)],
    }
    const question = { id: 1, message, calls: 512, steps: stepsText([]) }
    expect(limits.advance('holder', question)).toMatchObject({ calls })
    // One that reserves all that is left is the last one that is admitted.
    const last = { ...message, cost: BigInt(10 * (room - calls)) }
    const admit = (asked: AdmitMessage) =>
      answersOf(
        limits.take(
          'holder',
          stepsText([
            { kind: 'close', id: 1 },
            { kind: 'admit', message: asked },
          ]),
        ),
      )
    expect(admit(last)).toMatchObject([{ admitted: true }])
    expect(admit(message)).toMatchObject([{ admitted: false, reserved: String(10 * room) }])
  },
)
