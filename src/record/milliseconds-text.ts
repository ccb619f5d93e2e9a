/**
 * Milliseconds as the text of a JSON number, in whole microseconds, as the database keeps them:
 * without rounding a call's start would not equal itself there. A call writes a dozen of
 * them, and making the text of a fraction takes the runtime twice as long as putting it together of whole numbers.
 */

/** `.123`, without zeros at its end: the text of the number itself. */
const FRACTIONS = Array.from({ length: 1_000 }, (_, micros) =>
  micros === 0 ? '' : `.${threeDigits(micros).replace(/0+$/, '')}`,
)

const THREE_DIGITS = Array.from({ length: 1_000 }, (_, number) => threeDigits(number))

/** Beyond it microseconds cannot be told apart, and below zero nothing lasts: the runtime makes these texts. */
const LARGEST_MS = Number.MAX_SAFE_INTEGER / 1_000

/** What the runtime holds as a small whole number, of which it remembers texts. */
const SMALL = 1_000_000_000

/** @param ms 0 for what is no number. */
export function millisecondsText(ms: number): string {
  if (!(ms >= 0 && ms < LARGEST_MS)) return Number.isFinite(ms) ? String(Math.round(ms * 1_000) / 1_000) : '0'
  const micros = Math.round(ms * 1_000)
  const whole = Math.floor(micros / 1_000)
  const fraction = FRACTIONS[micros - whole * 1_000] ?? ''
  if (whole < SMALL) return `${whole}${fraction}`
  const seconds = Math.floor(whole / 1_000)
  return `${seconds}${THREE_DIGITS[whole - seconds * 1_000] ?? ''}${fraction}`
}

function threeDigits(number: number): string {
  return String(number).padStart(3, '0')
}
