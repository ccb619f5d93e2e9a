import fc from 'fast-check'
import { expect, test } from 'vitest'
import { beginOfDayMs, calendarOf, dayOf } from './calendar.ts'
import { budgetWindowEndMs, nextBudgetWindow, parseDuration } from './duration.ts'

const at = (iso: string): number => Date.parse(iso)
const NEW_YORK = calendarOf({ timezone: 'America/New_York' })

function windowEnd(text: string, now: string, calendar = NEW_YORK): string {
  return new Date(budgetWindowEndMs(parseDuration(text)!, at(now), calendar)).toISOString()
}

test.each([
  // New York is 5 hours behind UTC in winter and 4 in summer; clocks change on 8 March and 1 November 2026.
  ['1d', '2026-01-15T04:59:00Z', '2026-01-15T05:00:00.000Z'],
  ['24h', '2026-01-15T05:00:00Z', '2026-01-16T05:00:00.000Z'],
  ['1d', '2026-03-08T06:00:00Z', '2026-03-09T04:00:00.000Z'],
  ['1d', '2026-11-01T05:00:00Z', '2026-11-02T05:00:00.000Z'],
  ['7d', '2026-03-07T12:00:00Z', '2026-03-09T04:00:00.000Z'],
  ['1w', '2026-03-09T03:59:59Z', '2026-03-09T04:00:00.000Z'],
  ['30d', '2026-11-01T03:00:00Z', '2026-11-01T04:00:00.000Z'],
  ['1mo', '2026-11-01T04:00:00Z', '2026-12-01T05:00:00.000Z'],
  ['3d', '2026-10-31T12:00:00Z', '2026-11-03T05:00:00.000Z'],
  ['1h', '2026-03-08T06:30:00Z', '2026-03-08T07:00:00.000Z'],
])('in New York a window of %s that is open at %s ends at %s', (text, now, end) => {
  expect(windowEnd(text, now)).toBe(end)
})

test('days begin at the configured time of day', () => {
  const calendar = calendarOf({ timezone: 'Asia/Kolkata', budget_reset_time: '06:30' })
  expect(windowEnd('1d', '2026-05-01T00:59:59Z', calendar)).toBe('2026-05-01T01:00:00.000Z')
  expect(windowEnd('1mo', '2026-05-01T00:30:00Z', calendar)).toBe('2026-05-01T01:00:00.000Z')
})

test('a time of day that is left out begins the day later, and one that comes twice the second time', () => {
  const half = calendarOf({ timezone: 'America/New_York', budget_reset_time: '02:30' })
  expect(windowEnd('1d', '2026-03-08T06:59:00Z', half)).toBe('2026-03-08T07:30:00.000Z')
  const twice = calendarOf({ timezone: 'America/New_York', budget_reset_time: '01:30' })
  expect(windowEnd('1d', '2026-11-01T05:45:00Z', twice)).toBe('2026-11-02T06:30:00.000Z')
  expect(windowEnd('1d', '2026-11-01T06:10:00Z', twice)).toBe('2026-11-01T06:30:00.000Z')
})

const zones = fc.constantFrom(
  'UTC',
  'America/New_York',
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
)
const moments = fc.integer({ min: at('1990-01-01T00:00:00Z'), max: at('2060-01-01T00:00:00Z') })
const calendars = fc
  .record({ timezone: zones, hour: fc.integer({ min: 0, max: 23 }), half: fc.boolean() })
  .map(({ timezone, hour, half }) =>
    calendarOf({ timezone, budget_reset_time: `${String(hour).padStart(2, '0')}:${half ? '30' : '00'}` }),
  )

test('a day begins at or before each of its moments, and the next one after', () => {
  fc.assert(
    fc.property(calendars, moments, (calendar, nowMs) => {
      const day = dayOf(calendar, nowMs)
      expect(beginOfDayMs(calendar, day + 1)).toBeGreaterThan(nowMs)
      // An hour that the clocks leave out may push the begin of a day into it.
      expect(beginOfDayMs(calendar, day)).toBeLessThanOrEqual(nowMs + 3_600_000)
    }),
  )
})

test('windows follow each other without gaps, and processes come to the same one whenever they look', () => {
  const durations = fc.constantFrom(
    '45s',
    '10m',
    '3h',
    '24h',
    '1d',
    '3d',
    '7d',
    '1w',
    '2w',
    '30d',
    '1mo',
    '3mo',
  )
  fc.assert(
    fc.property(
      calendars,
      durations,
      moments,
      fc.array(fc.integer({ min: 1, max: 50 * 86_400_000 }), { maxLength: 4 }),
      (calendar, text, fromMs, steps) => {
        const duration = parseDuration(text)!
        let known = { startedAtMs: fromMs, endsAtMs: budgetWindowEndMs(duration, fromMs, calendar) }
        let nowMs = fromMs
        const firstEndMs = known.endsAtMs
        for (const step of steps) {
          nowMs += step
          if (known.endsAtMs > nowMs) continue
          known = nextBudgetWindow(duration, known.endsAtMs, nowMs, calendar)
          expect(known.startedAtMs).toBeLessThanOrEqual(nowMs)
          expect(known.endsAtMs).toBeGreaterThan(nowMs)
        }
        if (firstEndMs > nowMs) return
        expect(nextBudgetWindow(duration, firstEndMs, nowMs, calendar)).toEqual(known)
      },
    ),
    { numRuns: 300 },
  )
})
