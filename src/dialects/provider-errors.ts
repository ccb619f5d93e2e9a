/** What a provider's refusal says, and how it reaches the client when it is not in the client's dialect. */
import type { DialectFamily } from './dialect.ts'
import { anthropicTypeOf, openAiTypeOf } from './error-words.ts'
import { objectOf, parseJson, textOf, type JsonObject } from './json-value.ts'

export interface ProviderErrorFacts {
  /** The provider's own words, or a sentence on what came instead. */
  readonly message: string
  readonly type: string | undefined
  readonly code: string | undefined
  /** LiteLLM's exception class, as metrics name it. */
  readonly errorClass: string
}

/** A body for the client and its content type. */
export interface ForeignError {
  readonly body: Buffer
  readonly contentType: string
}

/** LiteLLM's exception classes by status: spec/litellm-surface.md 4.10. */
const CLASS_BY_STATUS: ReadonlyMap<number, string> = new Map([
  [401, 'AuthenticationError'],
  [403, 'PermissionDeniedError'],
  [404, 'NotFoundError'],
  [408, 'Timeout'],
  [422, 'UnprocessableEntityError'],
  [429, 'RateLimitError'],
  [502, 'BadGatewayError'],
  [503, 'ServiceUnavailableError'],
  [504, 'Timeout'],
])

/** The wordings of providers for a request that does not fit into the model's window. */
const CONTEXT_WINDOW =
  /context_length_exceeded|maximum context length|prompt is too long|exceed(?:s|ed)? (?:the )?(?:context|model's context)|context window|too many input tokens/i
const CONTENT_POLICY =
  /content_policy_violation|content_filter|content management policy|responsible_?ai_?policy|safety system/i

/** Reads a refusal of status 300 or more for metrics and log. */
export function providerErrorFacts(
  family: DialectFamily,
  status: number,
  body: Buffer,
  contentType: string | undefined,
): ProviderErrorFacts {
  const told = readTold(body)
  const message = told?.message ?? describe(status, body, contentType)
  return {
    message,
    type: told?.type,
    code: told?.code,
    errorClass: classOf(family, status, `${told?.code ?? ''} ${message}`),
  }
}

/**
 * A provider's refusal for the client: unmodified when it is JSON in the dialect's shape (clients match on its
 * wording), else in the dialect's envelope. Never HTML, never empty.
 */
export function wrapForeignError(
  family: DialectFamily,
  status: number,
  body: Buffer,
  contentType: string | undefined,
): ForeignError {
  if (isOwnShape(family, body)) {
    return { body, contentType: 'application/json' }
  }
  const { message, code } = providerErrorFacts(family, status, body, contentType)
  const envelope =
    family === 'anthropic'
      ? { type: 'error', error: { type: anthropicTypeOf(status), message }, request_id: null }
      : { error: { message, type: openAiTypeOf(status), param: null, code: code ?? String(status) } }
  return { body: Buffer.from(JSON.stringify(envelope)), contentType: 'application/json' }
}

function isOwnShape(family: DialectFamily, body: Buffer): boolean {
  const answer = objectOf(parseJson(body.toString('utf8')))
  const error = objectOf(answer?.['error'])
  const told = typeof error?.['message'] === 'string'
  return family === 'anthropic' ? told && answer?.['type'] === 'error' : told
}

interface Told {
  readonly message: string
  readonly type: string | undefined
  readonly code: string | undefined
}

/** Undefined when the body is no JSON object with a message in one of the usual places. */
function readTold(body: Buffer): Told | undefined {
  const answer = objectOf(parseJson(body.toString('utf8')))
  if (answer === undefined) {
    return undefined
  }
  const error = objectOf(answer['error']) ?? answer
  const message = messageOf(error) ?? textOf(answer['error'])
  const code = error['code']
  return message === undefined
    ? undefined
    : { message, type: textOf(error['type']), code: typeof code === 'number' ? String(code) : textOf(code) }
}

function messageOf(error: JsonObject): string | undefined {
  const detail = error['detail']
  return (
    textOf(error['message']) ??
    textOf(detail) ??
    (detail === undefined || detail === null ? undefined : JSON.stringify(detail))
  )
}

function describe(status: number, body: Buffer, contentType: string | undefined): string {
  const what =
    body.length === 0
      ? 'an empty body'
      : `a body that is not an error of its API (${contentType?.slice(0, 60) ?? 'no content type'}, ${body.length} bytes)`
  return `The provider answered with status ${status} and ${what}.`
}

function classOf(family: DialectFamily, status: number, words: string): string {
  if (status === 400 || status === 413 || status === 422) {
    if (CONTEXT_WINDOW.test(words)) {
      return 'ContextWindowExceededError'
    }
    if (CONTENT_POLICY.test(words)) {
      return 'ContentPolicyViolationError'
    }
  }
  // Anthropic's spend caps are 402 or 400; other hosts use 402 for an empty account, which is a quota.
  if (status === 402) {
    return family === 'openai' ? 'RateLimitError' : 'BadRequestError'
  }
  return CLASS_BY_STATUS.get(status) ?? (status < 500 ? 'BadRequestError' : 'InternalServerError')
}
