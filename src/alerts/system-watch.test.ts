/** A database that is away for long, and spend that is lost, are told. */
import { expect, test } from 'vitest'
import type { Alert } from './alert.ts'
import { SystemWatch } from './system-watch.ts'

test('a database that does not answer for ten seconds is told once, and that it is back', () => {
  const sent: Alert[] = []
  const database = { reachable: true }
  const watch = new SystemWatch(
    database,
    () => ({ rejectedCalls: 0, lostCalls: 0 }),
    (alert) => void sent.push(alert),
  )
  watch.look(0)
  database.reachable = false
  for (const atMs of [1_000, 10_999]) watch.look(atMs)
  expect(sent).toEqual([])
  for (const atMs of [11_000, 13_000, 600_000]) watch.look(atMs)
  expect(sent.map(({ title }) => title)).toEqual(['The database does not answer'])
  database.reachable = true
  for (const atMs of [601_000, 602_000]) watch.look(atMs)
  expect(sent.map(({ title, level }) => [title, level])).toEqual([
    ['The database does not answer', 'high'],
    ['The database answers again', 'low'],
  ])
  expect(sent[1]?.facts).toEqual([['Was away since', '1970-01-01T00:00:01.000Z']])
})

test('a database that restarts is no alert', () => {
  const sent: Alert[] = []
  const database = { reachable: false }
  const watch = new SystemWatch(
    database,
    () => ({ rejectedCalls: 0, lostCalls: 0 }),
    (alert) => void sent.push(alert),
  )
  watch.look(0)
  database.reachable = true
  watch.look(8_000)
  database.reachable = false
  watch.look(12_000)
  expect(sent).toEqual([])
})

test('calls whose spend is lost are told with their number, once', () => {
  const sent: Alert[] = []
  const losses = { rejectedCalls: 3, lostCalls: 0 }
  const watch = new SystemWatch(
    { reachable: true },
    () => losses,
    (alert) => void sent.push(alert),
  )
  watch.look(0)
  losses.lostCalls = 2
  watch.look(1)
  watch.look(2)
  expect(sent.map(({ title }) => title)).toEqual(['The spend of 2 calls is not counted'])
})
