/**
 * Milliseconds as the text of a JSON number, in whole microseconds, as the database keeps them: without rounding a call's
 * start would not equal itself there. A call writes a dozen of them, and to make the text of a fraction takes the runtime
 * twice as long as to put it together of whole numbers.
 */

/** `.123`, without zeros at its end: the text of the number itself. */
const FRACTIONS = Array.from({ length: 1_000 }, (_, micros) =>
  micros === 0 ? '' : `.${threeDigits(micros).replace(/0+$/, '')}`,
)

const THREE_DIGITS = Array.from({ length: 1_000 }, (_, number) => threeDigits(number))

/** From here on microseconds are too close to be told apart; these texts, and those below zero, the runtime makes. */
const TOO_LARGE_MS = 2 ** 43

/** What the runtime holds as a small whole number, of which it remembers texts. */
const SMALL = 1_000_000_000

/** @param ms 0 for what is no number. */
export function millisecondsText(ms: number): string {
  if (!(ms >= 0 && ms < TOO_LARGE_MS))
    return Number.isFinite(ms) ? String(Math.round(ms * 1_000) / 1_000) : '0'
  const micros = Math.round(ms * 1_000)
  const whole = Math.floor(micros / 1_000)
  const fraction = FRACTIONS[micros - whole * 1_000] ?? ''
  if (whole < SMALL) return `${whole}${fraction}`
  const seconds = Math.floor(whole / 1_000)
  return `${seconds}${THREE_DIGITS[whole - seconds * 1_000] ?? ''}${fraction}`
}

/** With three decimals always, as `toFixed(3)` has it. */
export function fixedMilliseconds(ms: number): string {
  if (!(ms >= 0 && ms < SMALL)) return ms.toFixed(3)
  const micros = Math.round(ms * 1_000)
  const whole = Math.floor(micros / 1_000)
  return `${whole}.${THREE_DIGITS[micros - whole * 1_000] ?? ''}`
}

function threeDigits(number: number): string {
  return String(number).padStart(3, '0')
}
