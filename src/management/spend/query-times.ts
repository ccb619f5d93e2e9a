/** Days and times as the spend endpoints take them in their query strings; all of them UTC. */
import { z } from 'zod'

export const DAY_MS = 86_400_000

const DAY = /^\d{4}-\d{2}-\d{2}$/
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?$/

/** A point in time; a day alone stands for its first millisecond, or for its end. */
export interface QueryTime {
  readonly atMs: number
  readonly wholeDay: boolean
}

export const queryDay = z
  .string()
  .regex(DAY, 'expected a date such as 2026-01-31')
  .refine((text) => isDay(text), 'expected a date that exists, such as 2026-01-31')

/** A day, or a time such as `2026-01-31 23:59:59`. */
export const queryTime = z.string().transform((text, context): QueryTime => {
  const atMs = DAY.test(text) || TIME.test(text) ? parseTime(text) : Number.NaN
  if (!Number.isNaN(atMs)) return { atMs, wholeDay: DAY.test(text) }
  context.addIssue({
    code: 'custom',
    message: 'expected a UTC time such as 2026-01-31 23:59:59, or a date such as 2026-01-31',
  })
  return z.NEVER
})

/** The first millisecond after a range that ends here: the end itself belongs to the range. */
export function endMs(time: QueryTime): number {
  return time.atMs + (time.wholeDay ? DAY_MS : 1000)
}

export function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}

/** Every day from the first to the last, both included. */
export function daysBetween(fromDay: string, toDay: string): string[] {
  const days: string[] = []
  for (let at = Date.parse(fromDay); at <= Date.parse(toDay); at += DAY_MS) days.push(dayOf(at))
  return days
}

function isDay(text: string): boolean {
  const atMs = Date.parse(text)
  return !Number.isNaN(atMs) && dayOf(atMs) === text
}

function parseTime(text: string): number {
  if (DAY.test(text)) return isDay(text) ? Date.parse(text) : Number.NaN
  const iso = text.replace(' ', 'T')
  return Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(iso) ? iso : `${iso}Z`)
}
