import { expect, test } from 'vitest'
import { Connections } from '../server/connections.ts'
import { createServer } from 'node:http'
import { Departure } from './departure.ts'

const NOBODY = { requestBegan: () => undefined, requestEnded: () => undefined }

function departure(): { readonly departure: Departure; readonly clock: { nowMs: number } } {
  const clock = { nowMs: 1_000_000 }
  const connections = new Connections(createServer(), NOBODY)
  return { departure: new Departure(connections, { graceMs: 25_000, clock: () => clock.nowMs }), clock }
}

test('the listener stays open for those who watch readiness, and for nobody else', () => {
  const { departure: one, clock } = departure()
  expect(one.closingTimes(25_000, 5_000)).toEqual({ noticeMs: 0, lingerMs: 1_000, graceMs: 25_000 })
  one.readinessAsked()
  clock.nowMs += 59_000
  expect(one.closingTimes(25_000, 5_000).noticeMs).toBe(5_000)
  clock.nowMs += 2_000
  expect(one.closingTimes(25_000, 5_000).noticeMs).toBe(0)
})

test('a drain that was asked for before the signal has begun notice and grace already', () => {
  const { departure: one, clock } = departure()
  one.readinessAsked()
  one.begin()
  expect(one.accepting).toBe(false)
  clock.nowMs += 3_000
  expect(one.closingTimes(25_000, 5_000)).toEqual({ noticeMs: 2_000, lingerMs: 1_000, graceMs: 22_000 })
})

test('a drain of long ago takes nothing from the calls that are under way now', () => {
  const { departure: one, clock } = departure()
  one.begin()
  clock.nowMs += 3_600_000
  expect(one.closingTimes(25_000, 5_000).graceMs).toBe(25_000)
})
