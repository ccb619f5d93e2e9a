import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addDuration, budgetWindowEndMs, parseDuration } from './duration.ts'

const at = (iso: string) => Date.parse(iso)

function windowEnd(text: string, iso: string): string {
  return new Date(budgetWindowEndMs(parseDuration(text)!, at(iso))).toISOString()
}

test.each(['', '0d', '-1', '1', 'd', '1y', '1.5d', '1 d', '99999999999d', '200000000h', '1mo2'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined()
  },
)

test.each([
  ['30s', '2026-01-31T10:00:07Z', '2026-01-31T10:00:30.000Z'],
  ['15m', '2026-01-31T10:16:00Z', '2026-01-31T10:30:00.000Z'],
  ['1h', '2026-01-31T10:00:00Z', '2026-01-31T11:00:00.000Z'],
  ['24h', '2026-01-31T10:00:00Z', '2026-02-01T00:00:00.000Z'],
  ['1d', '2026-01-31T10:00:00Z', '2026-02-01T00:00:00.000Z'],
  ['3d', '2026-01-31T10:00:00Z', '2026-02-03T00:00:00.000Z'],
  ['7d', '2026-11-22T10:00:00Z', '2026-11-23T00:00:00.000Z'],
  ['7d', '2026-11-23T00:00:00Z', '2026-11-30T00:00:00.000Z'],
  ['1w', '2026-11-24T10:00:00Z', '2026-11-30T00:00:00.000Z'],
  ['2w', '2026-11-24T10:00:00Z', '2026-12-08T00:00:00.000Z'],
  ['30d', '2026-12-22T10:00:00Z', '2027-01-01T00:00:00.000Z'],
  ['1mo', '2026-12-22T10:00:00Z', '2027-01-01T00:00:00.000Z'],
  ['3mo', '2026-12-22T10:00:00Z', '2027-03-01T00:00:00.000Z'],
])('a budget window of %s that is open at %s ends at %s', (text, now, end) => {
  expect(windowEnd(text, now)).toBe(end)
})

test('a month of the calendar keeps to the last day of a shorter month', () => {
  const month = parseDuration('1mo')!
  expect(new Date(addDuration(at('2026-01-31T10:00:00Z'), month)).toISOString()).toBe(
    '2026-02-28T10:00:00.000Z',
  )
  expect(new Date(addDuration(at('2026-03-15T10:00:00Z'), month)).toISOString()).toBe(
    '2026-04-15T10:00:00.000Z',
  )
})

test('a window ends after now, whenever that is', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 400 }),
      fc.constantFrom('s', 'm', 'h', 'd', 'w', 'mo'),
      fc.integer({ min: 0, max: 4_000_000_000_000 }),
      (count, unit, nowMs) => {
        const duration = parseDuration(`${count}${unit}`)!
        expect(budgetWindowEndMs(duration, nowMs)).toBeGreaterThan(nowMs)
        expect(addDuration(nowMs, duration)).toBeGreaterThan(nowMs)
      },
    ),
  )
})
