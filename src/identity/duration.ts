/**
 * Durations as the management API and the config write them: `30s`, `15m`, `24h`, `7d`, `1w`, `1mo`; and when a budget
 * window of such a length ends. Windows are aligned, so that all scopes of one length begin anew together.
 */
import { beginOfDayMs, dayOf, UTC_CALENDAR, type Calendar } from './calendar.ts'

export type DurationUnit = 's' | 'm' | 'h' | 'd' | 'w' | 'mo'

export interface Duration {
  readonly count: number
  readonly unit: DurationUnit
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
const DAY_MS = UNIT_MS.d
/** A century: beyond it a typing error is likelier than a wish. */
const LONGEST_MS = 36_525 * DAY_MS
/** Epoch day 0 was a Thursday; the first Monday is day 4. */
const FIRST_MONDAY = 4

/** @returns undefined when the text is no duration of at least one unit and at most a century. */
export function parseDuration(text: string): Duration | undefined {
  const match = /^([1-9]\d{0,9})(mo|[smhdw])$/.exec(text.trim())
  if (match === null) return undefined
  // The pattern admits these six words only.
  const duration = { count: Number(match[1]), unit: match[2] as DurationUnit }
  const unitMs = duration.unit === 'mo' ? 31 * DAY_MS : UNIT_MS[duration.unit]
  return duration.count * unitMs <= LONGEST_MS ? duration : undefined
}

/** The moment one duration after another, in epoch milliseconds. Months are months of the calendar. */
export function addDuration(fromMs: number, duration: Duration): number {
  if (duration.unit !== 'mo') return fromMs + duration.count * UNIT_MS[duration.unit]
  const from = new Date(fromMs)
  const monthStart = Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + duration.count, 1)
  const dayOfMonth = Math.min(from.getUTCDate(), daysInMonth(monthStart))
  return monthStart + (dayOfMonth - 1) * DAY_MS + (fromMs % DAY_MS)
}

function daysInMonth(monthStartMs: number): number {
  const month = new Date(monthStartMs)
  return new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 0)).getUTCDate()
}

/**
 * When a budget window that is open now ends: a day at its end, a week on Monday, 30 days and a month on the first,
 * any other number of days that many days on, shorter ones at multiples of their length.
 */
export function budgetWindowEndMs(
  duration: Duration,
  nowMs: number,
  calendar: Calendar = UTC_CALENDAR,
): number {
  const { count, unit } = duration
  switch (unit) {
    case 's':
    case 'm':
    case 'h': {
      if (isOneDay(duration)) return beginOfDayMs(calendar, dayOf(calendar, nowMs) + 1)
      const lengthMs = count * UNIT_MS[unit]
      return (Math.floor(nowMs / lengthMs) + 1) * lengthMs
    }
    case 'd':
    case 'w': {
      const days = unit === 'w' ? count * 7 : count
      const today = dayOf(calendar, nowMs)
      if (unit === 'd' && count === 30) return beginOfDayMs(calendar, firstOfMonth(today, 1))
      return beginOfDayMs(calendar, days === 7 ? nextMonday(today) : today + days)
    }
    case 'mo':
      return beginOfDayMs(calendar, firstOfMonth(dayOf(calendar, nowMs), count))
  }
}

export interface BudgetWindow {
  readonly startedAtMs: number
  readonly endsAtMs: number
}

/**
 * The window that is open now, after one that has ended: every process comes to the same one by itself, since windows
 * follow each other from the end of the last known one.
 */
export function nextBudgetWindow(
  duration: Duration,
  endedAtMs: number,
  nowMs: number,
  calendar: Calendar = UTC_CALENDAR,
): BudgetWindow {
  const { count, unit } = duration
  if ((unit === 's' || unit === 'm' || unit === 'h') && !isOneDay(duration)) {
    const lengthMs = count * UNIT_MS[unit]
    const begunMs = Math.floor(nowMs / lengthMs) * lengthMs
    return { startedAtMs: Math.max(endedAtMs, begunMs), endsAtMs: begunMs + lengthMs }
  }
  let startedAtMs = endedAtMs
  let endsAtMs = budgetWindowEndMs(duration, startedAtMs, calendar)
  while (endsAtMs <= nowMs) {
    startedAtMs = endsAtMs
    endsAtMs = budgetWindowEndMs(duration, startedAtMs, calendar)
  }
  return { startedAtMs, endsAtMs }
}

function isOneDay({ count, unit }: Duration): boolean {
  return count === 24 && unit === 'h'
}

function nextMonday(today: number): number {
  return today + 7 - ((today - FIRST_MONDAY) % 7)
}

/** The day on which a month begins, counted from the month of another day. */
function firstOfMonth(day: number, monthsOn: number): number {
  const date = new Date(day * DAY_MS)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + monthsOn, 1) / DAY_MS
}
