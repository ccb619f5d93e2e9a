/**
 * Label values as they may stand in a metric: bounded, without control characters, and escaped for the text format.
 */

export const LONGEST_LABEL_VALUE = 256

/** Control characters, line and paragraph separators, and the marks that turn the direction of text around. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** A value cut to 256 UTF-16 units, without unprintable characters and without halves of surrogate pairs. */
export function cleanLabelValue(value: string): string {
  return value.slice(0, LONGEST_LABEL_VALUE).toWellFormed().replace(UNPRINTABLE, '')
}

/** Escapes backslash, quote and line feed, as the Prometheus text format asks in label values. */
export function escapeLabelValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
