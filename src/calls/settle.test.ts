/** The order in which the end of a call is told. */
import { expect, test } from 'vitest'
import { DIALECTS, estimatedUsage } from '../dialects/index.ts'
import { totalTokens } from '../dialects/usage.ts'
import type { CallEnd } from '../record/call-record.ts'
import type { Call } from './call.ts'
import { report, settle } from './settle.ts'

test('a call is booked, counted and ends for its client even when its limits cannot take up what it used', () => {
  const booked: CallEnd[] = []
  const counted: CallEnd[] = []
  const failures: unknown[] = []
  const call = {
    arrival: { arrivedAtMs: 0, endpoint: { dialect: DIALECTS['openai-chat'] } },
    deployment: { facts: {}, price: undefined, scopes: [] },
    attempts: [],
    settings: { storePrompts: false },
    scopes: [],
    reservations: [
      {
        headers: [],
        settle() {
          throw new RangeError('no such count')
        },
      },
    ],
    start: {},
    gateway: {
      limits: { tokensOf: totalTokens },
      ledger: { settle: (_start: unknown, end: CallEnd) => void booked.push(end) },
      observer: {
        callSettled: (_start: unknown, end: CallEnd) => void counted.push(end),
        reportFailed: (part: string, error: unknown) => void failures.push([part, String(error)]),
      },
    },
  }
  const usage = estimatedUsage(400, 40)
  const ended = { ending: 'complete', httpStatus: 200, error: undefined, usage, kept: undefined } as const
  // Of the call only what settling reads: a whole one needs a server, and then its limits cannot be made to fail.
  // What it gives back is what the client's answer ends with.
  const outcome = settle(call as unknown as Call, undefined, ended)
  expect(outcome).toMatchObject({ cost: 0n, error: undefined })
  expect(booked).toMatchObject([{ ending: 'complete', usage }])
  // The client is told before anything is reported.
  expect(counted).toEqual([])
  report(call as unknown as Call, outcome)
  expect(counted).toEqual(booked)
  expect(failures).toEqual([['limits', 'RangeError: no such count']])
})
