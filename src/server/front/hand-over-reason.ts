/** Why a connection leaves the front: the values of a metric's label, so few and fixed. */
export const HAND_OVER_REASONS = [
  'other_route',
  'http_version',
  'upgrade',
  'expect',
  'chunked',
  'connection',
  'late_head',
  'long_head',
  'odd_head',
] as const

export type HandOverReason = (typeof HAND_OVER_REASONS)[number]
