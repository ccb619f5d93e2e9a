/**
 * Durations as the management API and the config write them: `30s`, `15m`, `24h`, `7d`, `1w`, `1mo`; and when a budget
 * window of such a length ends. Windows are aligned to UTC, so that all scopes of one length begin anew together.
 */

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
 * When a budget window that is open now ends: a day at midnight, a week on Monday, 30 days and a month on the first,
 * any other number of days that many midnights on, shorter ones at multiples of their length.
 */
export function budgetWindowEndMs(duration: Duration, nowMs: number): number {
  const { count, unit } = duration
  const today = Math.floor(nowMs / DAY_MS)
  switch (unit) {
    case 's':
    case 'm':
    case 'h': {
      const lengthMs = count * UNIT_MS[unit]
      return (Math.floor(nowMs / lengthMs) + 1) * lengthMs
    }
    case 'd':
      if (count === 7) return nextMonday(today)
      return count === 30 ? firstOfMonth(nowMs, 1) : (today + count) * DAY_MS
    case 'w':
      return count === 1 ? nextMonday(today) : (today + count * 7) * DAY_MS
    case 'mo':
      return firstOfMonth(nowMs, count)
  }
}

function nextMonday(today: number): number {
  return (today + 7 - ((today - FIRST_MONDAY) % 7)) * DAY_MS
}

function firstOfMonth(nowMs: number, monthsOn: number): number {
  const now = new Date(nowMs)
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + monthsOn, 1)
}
