/**
 * Money. Inside Sluice every amount is an integer count of picodollars (1e-12 USD); decimals exist only at the
 * edges (config, API, metrics). Floats never add up money.
 */

declare const brand: unique symbol

/** An exact amount of US dollars, in units of 1e-12 USD. */
export type Picodollars = bigint & { readonly [brand]: 'Picodollars' }

/** Decimal places of a dollar that a picodollar amount holds. */
const PICODOLLAR_PLACES = 12
const PICODOLLARS_A_DOLLAR = 1e12

/** Integers up to here are exact as JavaScript numbers. */
const MOST_EXACT = 2n ** 53n

/** A millionth of a dollar: smaller numbers have an exponent in their text. */
const LEAST_WITHOUT_EXPONENT = 1e6
const FIRST_OF_16_DIGITS = 1e15

const DIGIT_0 = 0x30

export const ZERO = 0n as Picodollars

/** Brands an integer that is already in picodollars. */
export function picodollars(amount: bigint): Picodollars {
  return amount as Picodollars
}

/**
 * Reads a decimal amount of dollars exactly, from a number or from its text (plain or with an exponent).
 * Digits beyond the twelfth decimal are rounded half away from zero.
 *
 * @example parseDollars('3e-06') === 3_000_000n
 * @throws RangeError when the text is not a finite decimal number.
 */
export function parseDollars(value: number | string): Picodollars {
  return picodollars(parseDecimal(value, PICODOLLAR_PLACES))
}

/**
 * Reads a decimal number exactly as an integer count of 10^-places. A JavaScript number is read by its shortest
 * decimal text, which is what its author wrote. Digits beyond `places` are rounded half away from zero.
 *
 * @example parseDecimal(2.5e-6, 18) === 2_500_000_000_000n
 * @throws RangeError when the value is not a finite decimal number of at most 40 digits on either side of the point.
 */
export function parseDecimal(value: number | string, places: number): bigint {
  const text = String(value).trim()
  const match = /^([+-]?)(\d{0,40})(?:\.(\d{0,40}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text)
  const whole = match?.[2] ?? ''
  const fraction = match?.[3] ?? ''
  if (match === null || whole.length + fraction.length === 0) {
    throw new RangeError(`not a decimal number: ${JSON.stringify(text.slice(0, 60))}`)
  }
  const digits = BigInt(whole + fraction)
  const shift = Number(match[4] ?? '0') - fraction.length + places
  const magnitude = shift >= 0 ? digits * 10n ** BigInt(shift) : divideHalfUp(digits, 10n ** BigInt(-shift))
  return match[1] === '-' ? -magnitude : magnitude
}

/** Divides a non-negative integer by a positive one; a remainder of one half or more rounds up. */
export function divideHalfUp(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  return (dividend - quotient * divisor) * 2n >= divisor ? quotient + 1n : quotient
}

/** The amount as a JavaScript number of dollars: for JSON answers and metrics only, never to be added up. */
export function toDollars(amount: Picodollars): number {
  // Both are exact as numbers, and so their quotient is the nearest one that there is to the amount.
  if (amount < MOST_EXACT && amount > -MOST_EXACT) return Number(amount) / PICODOLLARS_A_DOLLAR
  return Number(toDecimal(amount))
}

/** The amount as an exact decimal text of dollars, without trailing zeros. */
export function toDecimal(amount: Picodollars): string {
  const count = Number(amount)
  // A number's text is the shortest that is nearest to it, which for up to 15 digits is the one that it was made of.
  return count >= LEAST_WITHOUT_EXPONENT && count < FIRST_OF_16_DIGITS
    ? String(count / PICODOLLARS_A_DOLLAR)
    : formatDecimal(amount, PICODOLLAR_PLACES)
}

/** An integer count of 10^-places as exact decimal text, without trailing zeros: the inverse of `parseDecimal`. */
export function formatDecimal(count: bigint, places: number): string {
  const digits = (count < 0n ? -count : count).toString().padStart(places + 1, '0')
  const point = digits.length - places
  let end = digits.length
  while (end > point && digits.charCodeAt(end - 1) === DIGIT_0) end -= 1
  const sign = count < 0n ? '-' : ''
  return end === point
    ? sign + digits.slice(0, point)
    : `${sign}${digits.slice(0, point)}.${digits.slice(point, end)}`
}
