/**
 * Money. Inside Sluice every amount is an integer count of picodollars (1e-12 USD); decimals exist only at the
 * edges (config, API, metrics). Floats never add up money.
 */

declare const brand: unique symbol

/** An exact amount of US dollars, in units of 1e-12 USD. */
export type Picodollars = bigint & { readonly [brand]: 'Picodollars' }

/** 1 USD in picodollars. */
export const PICODOLLARS_PER_DOLLAR = 1_000_000_000_000n

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
  const text = String(value).trim()
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text)
  const whole = match?.[2] ?? ''
  const fraction = match?.[3] ?? ''
  if (match === null || whole.length + fraction.length === 0) {
    throw new RangeError(`not a decimal amount of dollars: ${JSON.stringify(text)}`)
  }
  const digits = whole + fraction
  const shift = Number(match[4] ?? '0') - fraction.length + 12
  const magnitude = shift >= 0 ? BigInt(digits) * 10n ** BigInt(shift) : roundedShift(BigInt(digits), -shift)
  return (match[1] === '-' ? -magnitude : magnitude) as Picodollars
}

function roundedShift(digits: bigint, places: number): bigint {
  const divisor = 10n ** BigInt(places)
  const quotient = digits / divisor
  return (digits % divisor) * 2n >= divisor ? quotient + 1n : quotient
}

/** The amount as a JavaScript number of dollars: for JSON answers and metrics only, never to be added up. */
export function toDollars(amount: Picodollars): number {
  return Number(toDecimal(amount))
}

/** The amount as an exact decimal text of dollars, without trailing zeros. */
export function toDecimal(amount: Picodollars): string {
  const negative = amount < 0n
  const magnitude: bigint = negative ? 0n - amount : amount
  const whole = magnitude / PICODOLLARS_PER_DOLLAR
  const fraction = (magnitude % PICODOLLARS_PER_DOLLAR).toString().padStart(12, '0').replace(/0+$/, '')
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}
