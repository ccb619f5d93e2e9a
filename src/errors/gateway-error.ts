/**
 * The errors that Sluice itself gives, as a catalogue: each has a stable code, a status, the type words of the two
 * dialects, and whether a client may retry. An error becomes a response in one place (`dialects`, per dialect).
 * Sources: spec/litellm-surface.md 4.10, spec/protocols.md 3.6, spec/clients.md 2.4.
 */

export interface ErrorKind {
  readonly status: number
  /** `error.type` in LiteLLM's envelope (management API and OpenAI dialect). */
  readonly type: string
  /** `error.code` for OpenAI clients where the field has a word for it; else the status as text. */
  readonly openaiCode?: string
  /** `error.type` in the Anthropic dialect. */
  readonly anthropicType: string
  /** LiteLLM's exception class: the `exception_class` metric label. */
  readonly errorClass: string
  /** Status in the Anthropic dialect, where it differs. */
  readonly anthropicStatus?: number
  /** False sends `x-should-retry: false`, so that SDKs and Claude Code stop at once. */
  readonly retryable: boolean
}

function kind(
  status: number,
  type: string,
  anthropicType: string,
  errorClass: string,
  retryable: boolean,
  openaiCode?: string,
): ErrorKind {
  return {
    status,
    type,
    anthropicType,
    errorClass,
    retryable,
    ...(openaiCode === undefined ? {} : { openaiCode }),
  }
}

export const ERROR_KINDS = {
  key_missing: kind(401, 'auth_error', 'authentication_error', 'ProxyException', false, 'invalid_api_key'),
  key_malformed: kind(401, 'auth_error', 'authentication_error', 'ProxyException', false, 'invalid_api_key'),
  key_unknown: kind(
    401,
    'token_not_found_in_db',
    'authentication_error',
    'ProxyException',
    false,
    'invalid_api_key',
  ),
  key_blocked: kind(401, 'auth_error', 'authentication_error', 'ProxyException', false, 'invalid_api_key'),
  key_expired: kind(401, 'expired_key', 'authentication_error', 'ProxyException', false, 'invalid_api_key'),
  customer_blocked: kind(403, 'auth_error', 'permission_error', 'ProxyException', false),
  route_forbidden: kind(403, 'auth_error', 'permission_error', 'ProxyException', false),
  key_model_access_denied: kind(403, 'key_model_access_denied', 'permission_error', 'ProxyException', false),
  team_model_access_denied: kind(
    403,
    'team_model_access_denied',
    'permission_error',
    'ProxyException',
    false,
  ),
  user_model_access_denied: kind(
    403,
    'user_model_access_denied',
    'permission_error',
    'ProxyException',
    false,
  ),
  org_model_access_denied: kind(403, 'org_model_access_denied', 'permission_error', 'ProxyException', false),
  budget_exceeded: kind(
    429,
    'budget_exceeded',
    'rate_limit_error',
    'BudgetExceededError',
    false,
    'insufficient_quota',
  ),
  budget_reserved: kind(
    429,
    'budget_exceeded',
    'rate_limit_error',
    'BudgetExceededError',
    true,
    'rate_limit_exceeded',
  ),
  rate_limited: kind(
    429,
    'throttling_error',
    'rate_limit_error',
    'RateLimitError',
    true,
    'rate_limit_exceeded',
  ),
  limits_unavailable: kind(503, 'service_unavailable', 'overloaded_error', 'ServiceUnavailableError', true),
  identity_unavailable: kind(503, 'no_db_connection', 'overloaded_error', 'ServiceUnavailableError', true),
  model_unknown: {
    ...kind(400, 'invalid_request_error', 'not_found_error', 'BadRequestError', false, 'model_not_found'),
    anthropicStatus: 404,
  },
  dialect_mismatch: kind(400, 'invalid_request_error', 'invalid_request_error', 'BadRequestError', false),
  bad_request: kind(400, 'invalid_request_error', 'invalid_request_error', 'BadRequestError', false),
  unsupported_media_type: kind(
    415,
    'invalid_request_error',
    'invalid_request_error',
    'BadRequestError',
    false,
  ),
  body_too_large: kind(413, 'invalid_request_error', 'request_too_large', 'BadRequestError', false),
  body_timeout: kind(408, 'invalid_request_error', 'timeout_error', 'Timeout', true),
  not_found: kind(404, 'not_found_error', 'not_found_error', 'NotFoundError', false),
  conflict: kind(409, 'invalid_request_error', 'invalid_request_error', 'BadRequestError', false),
  upgrade_required: kind(426, 'invalid_request_error', 'invalid_request_error', 'BadRequestError', false),
  no_deployment: kind(
    429,
    'rate_limit_error',
    'rate_limit_error',
    'RateLimitError',
    true,
    'rate_limit_exceeded',
  ),
  provider_unreachable: kind(
    502,
    'internal_server_error',
    'api_error',
    'APIConnectionError',
    true,
    'server_error',
  ),
  provider_cut: kind(502, 'internal_server_error', 'api_error', 'APIConnectionError', true, 'server_error'),
  provider_bad_answer: kind(
    502,
    'internal_server_error',
    'api_error',
    'APIConnectionError',
    true,
    'server_error',
  ),
  timeout: kind(408, 'timeout_error', 'timeout_error', 'Timeout', true, 'timeout'),
  overloaded: kind(503, 'service_unavailable', 'overloaded_error', 'ServiceUnavailableError', true),
  cache_unavailable: kind(503, 'service_unavailable', 'overloaded_error', 'ServiceUnavailableError', true),
  price_map_invalid: kind(400, 'invalid_request_error', 'invalid_request_error', 'BadRequestError', false),
  internal: kind(500, 'internal_server_error', 'api_error', 'InternalServerError', true),
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERROR_KINDS

export interface GatewayErrorOptions {
  readonly cause?: unknown
  /** The request field at fault. */
  readonly param?: string
  /** Seconds for `retry-after`. */
  readonly retryAfterSeconds?: number
  /** Further response headers. */
  readonly headers?: Readonly<Record<string, string>>
  /** Overrides the kind's status, e.g. where an older LiteLLM value is asked for. */
  readonly status?: number
}

/** An error that Sluice itself gives. `message` is shown to the client and must hold no secret. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly status: number
  readonly param: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly headers: Readonly<Record<string, string>> | undefined

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.kind = ERROR_KINDS[code]
    this.status = options.status ?? this.kind.status
    this.param = options.param
    this.retryAfterSeconds = options.retryAfterSeconds
    this.headers = options.headers
  }
}
