import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDollars } from '../money/picodollars.ts'
import { SourceRow } from './source-row.ts'

test('spend is the shortest decimal text of the float, in whole picodollars', () => {
  expect(new SourceRow({ spend: 0.1 + 0.2 }).spend('spend')).toBe(300_000_000_000n)
  expect(new SourceRow({ spend: 1e-13 }).spend('spend')).toBe(0n)
  expect(new SourceRow({ spend: 5e-13 }).spend('spend')).toBe(1n)
  fc.assert(
    fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), (spend) => {
      expect(new SourceRow({ spend }).spend('spend')).toBe(parseDollars(String(spend)))
    }),
  )
})

test.each(['NaN', 'Infinity', 1e300])('spend of %s is no amount, and is told', (spend) => {
  const row = new SourceRow({ spend })
  expect(row.spend('spend')).toBe(0n)
  expect(row.notes).toEqual(['spend is no amount: taken as 0'])
})

test('a budget fits its column: none below zero, none above what 64 bits hold, none infinite', () => {
  const row = new SourceRow({ low: -1, high: 1e12, infinite: 'Infinity', some: 12.5 })
  expect(['low', 'high', 'infinite', 'some', 'absent'].map((column) => row.budget(column))).toEqual([
    '0',
    '9223372000000000000',
    null,
    '12500000000000',
    null,
  ])
  expect(row.notes).toHaveLength(3)
})

test('limits are whole and never negative', () => {
  const row = new SourceRow({ low: -5, high: 9.2e18, some: 1000 })
  expect(['low', 'high', 'some', 'absent'].map((column) => row.limit(column))).toEqual([
    '0',
    '9000000000000000',
    '1000',
    null,
  ])
})

test('a time without a zone is UTC', () => {
  const row = new SourceRow({
    plain: '2026-01-31T12:00:00.5',
    zoned: '2026-01-31T12:00:00+02:00',
    bad: 'soon',
  })
  expect([row.moment('plain'), row.moment('zoned'), row.moment('bad')]).toEqual([
    '2026-01-31T12:00:00.500Z',
    '2026-01-31T10:00:00.000Z',
    null,
  ])
})

test('JSON that was stored as a text inside of JSON is read', () => {
  const row = new SourceRow({ metadata: '{"tags":["a"]}', list: '["x"]', text: 'plain' })
  expect([row.object('metadata'), row.list('list'), row.object('text')]).toEqual([{ tags: ['a'] }, ['x'], {}])
})
