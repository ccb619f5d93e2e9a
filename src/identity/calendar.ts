/**
 * The calendar that budget windows follow: days that begin at a time of day in a time zone
 * (`litellm_settings.timezone` and `budget_reset_time`).
 */

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

export interface Calendar {
  /** An IANA name; undefined for UTC, which costs no look at the zone's rules. */
  readonly timeZone: string | undefined
  /** Minutes after local midnight at which a day of the calendar begins. */
  readonly dayBeginsAtMinutes: number
}

export const UTC_CALENDAR: Calendar = { timeZone: undefined, dayBeginsAtMinutes: 0 }

/**
 * The calendar of a configuration.
 *
 * @param settings `budget_reset_time` is `HH:MM`; both were checked when the configuration was read.
 */
export function calendarOf(settings: {
  readonly timezone?: string | undefined
  readonly budget_reset_time?: string | undefined
}): Calendar {
  const { timezone: zone = 'UTC', budget_reset_time: time = '00:00' } = settings
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return {
    timeZone: /^(utc|etc\/utc)$/i.test(zone) ? undefined : zone,
    dayBeginsAtMinutes: hours * 60 + minutes,
  }
}

/** The day of the calendar that a moment lies in, as a number of days since 1 January 1970. */
export function dayOf(calendar: Calendar, atMs: number): number {
  return Math.floor((localMs(calendar, atMs) - calendar.dayBeginsAtMinutes * MINUTE_MS) / DAY_MS)
}

/**
 * When a day of the calendar begins, in epoch milliseconds. Of a time of day that comes twice when clocks are put back
 * it is the second; one that is left out when they are put forward is taken that much later.
 */
export function beginOfDayMs(calendar: Calendar, day: number): number {
  const wanted = day * DAY_MS + calendar.dayBeginsAtMinutes * MINUTE_MS
  // The zone's distance from UTC is asked for before and after any change of it on that day.
  const candidates = [wanted - DAY_MS, wanted + DAY_MS].map((nearMs) => wanted - offsetMs(calendar, nearMs))
  const exact = candidates.filter((candidate) => localMs(calendar, candidate) === wanted)
  return exact.length === 0 ? Math.max(...candidates) : Math.max(...exact)
}

function localMs(calendar: Calendar, atMs: number): number {
  return atMs + offsetMs(calendar, atMs)
}

function offsetMs({ timeZone }: Calendar, atMs: number): number {
  if (timeZone === undefined) return 0
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0
  const wallMs = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  )
  return wallMs - Math.floor(atMs / 1000) * 1000
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** @throws RangeError when there is no such time zone. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formats.set(timeZone, made)
  return made
}
