/**
 * The words of the two dialects for a failure, and the statuses that go with them: for error events inside a stream,
 * which carry no status, and for providers' refusals in another shape.
 * Sources: spec/protocols.md 1.5, 2.2.
 */

/** `error.type` of Anthropic by status. */
const ANTHROPIC_TYPES: ReadonlyMap<number, string> = new Map([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [408, 'timeout_error'],
  [409, 'conflict_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [500, 'api_error'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
])

export function anthropicTypeOf(status: number): string {
  return ANTHROPIC_TYPES.get(status) ?? (status < 500 ? 'invalid_request_error' : 'api_error')
}

/** `error.type` of OpenAI by status. */
const OPENAI_TYPES: ReadonlyMap<number, string> = new Map([
  [401, 'authentication_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [408, 'timeout_error'],
  [429, 'rate_limit_error'],
  [504, 'timeout_error'],
])

export function openAiTypeOf(status: number): string {
  return OPENAI_TYPES.get(status) ?? (status < 500 ? 'invalid_request_error' : 'server_error')
}

/** Status by `error.type` or `error.code`, as an event inside a stream tells it. */
const STATUS_BY_WORD: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['invalid_prompt', 400],
  ['context_length_exceeded', 400],
  ['content_policy_violation', 400],
  ['content_filter', 400],
  ['authentication_error', 401],
  ['invalid_api_key', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['model_not_found', 404],
  ['timeout', 408],
  ['timeout_error', 504],
  ['conflict_error', 409],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['rate_limit_exceeded', 429],
  ['tokens', 429],
  ['requests', 429],
  ['slow_down', 429],
  ['insufficient_quota', 429],
  ['credit_balance_exhausted', 429],
  ['api_error', 500],
  ['server_error', 500],
  ['internal_server_error', 500],
  ['server_is_overloaded', 503],
  ['service_unavailable', 503],
  ['overloaded_error', 529],
])

/**
 * The status that fits the first of `words` that says one: a number that is an error status, or a word of the table.
 * 500 when none does.
 */
export function statusOfWords(...words: readonly unknown[]): number {
  for (const word of words) {
    const status =
      typeof word === 'string'
        ? (STATUS_BY_WORD.get(word) ?? Number(word))
        : typeof word === 'number'
          ? word
          : 0
    if (Number.isInteger(status) && status >= 400 && status <= 599) {
      return status
    }
  }
  return 500
}
