/**
 * Fields of the management API, from the wire to typed values. Each may be absent (left as it is) or null (cleared);
 * numbers may come as text, as Terraform providers send them.
 */
import { z } from 'zod'
import { parseDuration, type Duration } from '../../identity/duration.ts'
import { parseDollars, toDollars, type Picodollars } from '../../money/picodollars.ts'

/** What a 64-bit integer of picodollars holds. */
const MOST_DOLLARS = 9_223_372

const AMOUNT_EXPECTED = `expected an amount in USD from 0 to ${MOST_DOLLARS}`

/** US dollars, never negative. */
export const budget = z
  .union(
    [
      z.number(),
      z
        .string()
        .trim()
        .min(1)
        .regex(/^[+-]?[\d.]+(e[+-]?\d{1,2})?$/i, AMOUNT_EXPECTED),
    ],
    { error: AMOUNT_EXPECTED },
  )
  .transform((value, context): Picodollars => {
    const dollars = Number(value)
    if (Number.isFinite(dollars) && dollars >= 0 && dollars <= MOST_DOLLARS) return parseDollars(value)
    context.addIssue({ code: 'custom', message: AMOUNT_EXPECTED })
    return z.NEVER
  })
  .nullish()

/** A whole number, never negative. */
export const limit = z
  .union(
    [
      z.number(),
      z
        .string()
        .regex(/^\d{1,15}$/, 'expected a whole number of at least 0')
        .transform(Number),
    ],
    {
      error: 'expected a whole number of at least 0',
    },
  )
  .pipe(
    z
      .number()
      .int('expected a whole number of at least 0')
      .min(0, 'expected a whole number of at least 0')
      .max(Number.MAX_SAFE_INTEGER),
  )
  .transform(BigInt)
  .nullish()

const DURATION_EXPECTED = 'expected a duration such as 30s, 15m, 24h, 7d, 2w or 1mo'

function duration(text: string, context: z.RefinementCtx): Duration {
  const parsed = parseDuration(text)
  if (parsed !== undefined) return parsed
  context.addIssue({ code: 'custom', message: DURATION_EXPECTED })
  return z.NEVER
}

/** A window after which a budget begins anew; the text is kept, for it is given back as it came. */
export const budgetDuration = z
  .string({ error: DURATION_EXPECTED })
  .transform((text, context) => ({ text, duration: duration(text, context) }))
  .nullish()

/** How long a key lives. LiteLLM's old word for "for ever" is -1. */
export const lifetime = z
  .union(
    [
      z.union([z.literal(-1), z.literal('-1'), z.literal('')]).transform(() => null),
      z.string().transform(duration),
    ],
    { error: DURATION_EXPECTED },
  )
  .nullish()

/** Short text; an empty one is as good as none. */
export const name = z
  .string({ error: 'expected text' })
  .trim()
  .max(512, 'expected at most 512 characters')
  .transform((text) => (text === '' ? null : text))
  .nullish()

export const names = z
  .array(z.string({ error: 'expected a list of texts' }).trim().min(1).max(512), {
    error: 'expected a list of texts',
  })
  .max(10_000)
  .nullish()

export const nameMap = z.record(z.string(), z.string(), { error: 'expected an object of texts' }).nullish()

export const object = z.record(z.string(), z.unknown(), { error: 'expected an object' }).nullish()

export const flag = z.boolean({ error: 'expected true or false' }).nullish()

/** Fields that are kept as they come: nothing in Sluice reads them yet. Null takes one away. */
export function openMembers(body: unknown, known: readonly string[]): ReadonlyMap<string, unknown> {
  const members = new Map<string, unknown>()
  if (typeof body !== 'object' || body === null) return members
  for (const [member, value] of Object.entries(body)) {
    if (known.includes(member)) members.set(member, value)
  }
  return members
}

/** The stored members after a request: each one sent replaces or, as null, removes. */
export function mergeMembers(
  stored: Readonly<Record<string, unknown>>,
  sent: ReadonlyMap<string, unknown>,
): Record<string, unknown> {
  const merged = new Map(Object.entries(stored))
  for (const [member, value] of sent) {
    if (value === null) merged.delete(member)
    else merged.set(member, value)
  }
  return Object.fromEntries(merged)
}

/** A nullable amount of a table, as a JSON number of US dollars. */
export function dollarsOf(amount: bigint | null): number | null {
  return amount === null ? null : toDollars(amount as Picodollars)
}

export function numberOf(count: bigint | null): number | null {
  return count === null ? null : Number(count)
}

export function isoOf(time: Date | null): string | null {
  return time === null ? null : time.toISOString()
}
