/** How the two families of providers tell errors and limits. */
import type { Family, ProviderError } from './wire.ts'

const ANTHROPIC_TYPES: ReadonlyMap<number, string> = new Map([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [409, 'conflict_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
])

const REASON_MESSAGES = {
  anthropic: {
    'no-credit':
      'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
    'context-length': 'prompt is too long: 210000 tokens > 200000 maximum',
  },
  openai: {
    'no-credit': 'You exceeded your current quota, please check your plan and billing details.',
    'context-length': "This model's maximum context length is 128000 tokens.",
  },
} as const

export function anthropicErrorType(status: number): string {
  return ANTHROPIC_TYPES.get(status) ?? (status < 500 ? 'invalid_request_error' : 'api_error')
}

export const ANTHROPIC: Family = {
  name: 'anthropic',
  errorBody(error, id) {
    return JSON.stringify({
      type: 'error',
      error: { type: anthropicErrorType(error.status), message: messageOf('anthropic', error) },
      request_id: `req_${id}`,
    })
  },
  reasonStatus: () => 400,
  headers: (id) => [
    'request-id',
    `req_${id}`,
    'anthropic-organization-id',
    'org-sim',
    'anthropic-ratelimit-requests-limit',
    '4000',
    'anthropic-ratelimit-requests-remaining',
    '3999',
    'anthropic-ratelimit-requests-reset',
    '2030-01-01T00:00:00Z',
    'anthropic-ratelimit-tokens-limit',
    '400000',
    'anthropic-ratelimit-tokens-remaining',
    '399000',
    'anthropic-ratelimit-tokens-reset',
    '2030-01-01T00:00:00Z',
  ],
}

export const OPENAI: Family = {
  name: 'openai',
  errorBody: (error) => JSON.stringify({ error: openaiError(error) }),
  reasonStatus: (reason) => (reason === 'no-credit' ? 429 : 400),
  headers: (id) => [
    'x-request-id',
    `req_${id}`,
    'openai-organization',
    'org-sim',
    'openai-processing-ms',
    '1',
    'openai-version',
    '2020-10-01',
    'x-ratelimit-limit-requests',
    '10000',
    'x-ratelimit-remaining-requests',
    '9999',
    'x-ratelimit-reset-requests',
    '6ms',
    'x-ratelimit-limit-tokens',
    '2000000',
    'x-ratelimit-remaining-tokens',
    '1999000',
    'x-ratelimit-reset-tokens',
    '30ms',
  ],
}

export interface OpenaiError {
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
}

export function openaiError(error: ProviderError): OpenaiError {
  const [type, code] = openaiTypeAndCode(error)
  return { message: messageOf('openai', error), type, param: error.param ?? null, code }
}

function openaiTypeAndCode(error: ProviderError): readonly [string, string | null] {
  if (error.reason === 'no-credit') return ['insufficient_quota', 'insufficient_quota']
  if (error.reason === 'context-length') return ['invalid_request_error', 'context_length_exceeded']
  switch (error.status) {
    case 401:
      return ['invalid_request_error', 'invalid_api_key']
    case 404:
      return ['invalid_request_error', 'model_not_found']
    case 429:
      return ['requests', 'rate_limit_exceeded']
    case 503:
      return ['server_error', 'server_is_overloaded']
    default:
      return [error.status < 500 ? 'invalid_request_error' : 'server_error', null]
  }
}

function messageOf(family: 'openai' | 'anthropic', error: ProviderError): string {
  return error.reason === undefined ? error.message : REASON_MESSAGES[family][error.reason]
}
