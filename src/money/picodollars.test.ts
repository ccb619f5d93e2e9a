/** Guarantees of exact money: reading, printing and rounding agree with integer arithmetic. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  divideHalfUp,
  formatDecimal,
  parseDecimal,
  parseDollars,
  picodollars,
  toDecimal,
  toDollars,
} from './picodollars.ts'

const amounts = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(picodollars)

describe('picodollars', () => {
  it('prints every amount so that reading gives the same amount back', () => {
    fc.assert(fc.property(amounts, (amount) => parseDollars(toDecimal(amount)) === amount))
  })

  it('prints an amount as the integer that it is, scaled', () => {
    const everyday = fc.bigInt({ min: 0n, max: 10n ** 16n }).map(picodollars)
    const bounds = [10n ** 6n, 10n ** 15n].flatMap((bound) => [bound - 1n, bound, bound + 1n])
    for (const bound of bounds) expect(toDecimal(picodollars(bound))).toBe(formatDecimal(bound, 12))
    fc.assert(
      fc.property(everyday, fc.integer({ min: 0, max: 12 }), (amount, shift) => {
        const smaller = picodollars(amount / 10n ** BigInt(shift))
        expect(toDecimal(smaller)).toBe(formatDecimal(smaller, 12))
      }),
      { numRuns: 2_000 },
    )
  })

  it('prints a scaled integer so that reading at the same scale gives it back', () => {
    fc.assert(
      fc.property(amounts, fc.integer({ min: 0, max: 30 }), (count, places) => {
        expect(parseDecimal(formatDecimal(count, places), places)).toBe(count)
      }),
    )
  })

  it('reads a plain and an exponent form of one number as the same amount', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 15n }),
        fc.integer({ min: -12, max: 12 }),
        (digits, exponent) => {
          expect(parseDollars(`${digits}e${exponent}`)).toBe(digits * 10n ** BigInt(exponent + 12))
        },
      ),
    )
  })

  it('reads a JavaScript number as the decimal that its author wrote', () => {
    expect(parseDollars(0.1)).toBe(100_000_000_000n)
    expect(parseDollars(3e-6)).toBe(3_000_000n)
    expect(parseDollars(1e21)).toBe(10n ** 33n)
    expect(parseDecimal(7.5e-8, 18)).toBe(75_000_000_000n)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), fc.integer({ min: 0, max: 6 }), (cents, places) => {
        expect(parseDollars(cents / 10 ** places)).toBe((BigInt(cents) * 10n ** 12n) / 10n ** BigInt(places))
      }),
    )
  })

  it('rounds what is finer than a picodollar half away from zero', () => {
    expect(parseDollars('0.0000000000005')).toBe(1n)
    expect(parseDollars('-0.0000000000005')).toBe(-1n)
    expect(parseDollars('0.00000000000049999')).toBe(0n)
    expect(parseDollars('1e-999')).toBe(0n)
  })

  it('divides half up exactly as rational arithmetic does', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 30n }),
        fc.bigInt({ min: 1n, max: 10n ** 20n }),
        (dividend, divisor) => {
          const rounded = divideHalfUp(dividend, divisor)
          const twiceError = 2n * dividend - 2n * rounded * divisor
          expect(twiceError >= -divisor && twiceError < divisor).toBe(true)
        },
      ),
    )
  })

  it('refuses what is not a finite decimal number', () => {
    for (const text of [
      '',
      '.',
      'e5',
      '1e',
      '--1',
      '1,5',
      '0x10',
      'NaN',
      'Infinity',
      '1e9999',
      '9'.repeat(41),
    ]) {
      expect(() => parseDollars(text), text).toThrow(RangeError)
    }
    expect(() => parseDollars(Number.NaN)).toThrow(RangeError)
    expect(() => parseDollars(Number.POSITIVE_INFINITY)).toThrow(RangeError)
  })

  it('gives the nearest JavaScript number of dollars for answers and metrics', () => {
    fc.assert(
      fc.property(
        fc.oneof(amounts, fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }).map(picodollars)),
        (amount) => {
          expect(toDollars(amount)).toBe(Number(toDecimal(amount)))
        },
      ),
    )
    expect(toDollars(picodollars(1n))).toBe(1e-12)
    expect(toDollars(picodollars(-2_500_000_000_000n))).toBe(-2.5)
    expect(toDecimal(picodollars(0n))).toBe('0')
    expect(toDecimal(picodollars(1_050_000_000_000n))).toBe('1.05')
  })
})
