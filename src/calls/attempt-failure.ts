/** Why an attempt failed: what the log calls it, whether another try makes sense, and what the client would be told. */
import { GatewayError, type ErrorCode } from '../errors/gateway-error.ts'
import { providerErrorFacts } from '../dialects/index.ts'
import type { StreamErrorFacts } from '../dialects/dialect.ts'
import type { Ending } from '../record/call-record.ts'
import { nowMs } from '../record/clock.ts'
import { isRetryableStatus, readRetryAfterMs } from '../routing/retry.ts'
import { headerText } from './answer-headers.ts'
import type { Attempt } from './attempt.ts'

export interface AttemptFailure {
  readonly ending: Exclude<Ending, 'complete' | 'client_gone' | 'refused' | 'interrupted'>
  readonly errorClass: string
  /** May hold what the provider wrote: redact before logging. */
  readonly message: string
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  /** The provider's own refusal, which goes to the client as it is; undefined when the gateway has to speak. */
  readonly refusal: Buffer | undefined
  /** What the gateway says when there is no refusal to pass on. */
  readonly error: GatewayError
  /** Bytes of a broken stream that were not sent yet, e.g. the provider's own error event. */
  readonly tail: string
  /** True when `tail` holds the provider's error event, so that the gateway adds none. */
  readonly toldInStream: boolean
}

/** The provider answered with a status of 300 or more. */
export function failureOfAnswer(attempt: Attempt, body: Buffer): AttemptFailure {
  const { status, headers, deployment } = attempt
  const facts = providerErrorFacts(deployment.family, status, body, headerText(headers['content-type']))
  const shouldRetry = headerText(headers['x-should-retry'])
  return {
    ending: 'provider_error',
    errorClass: facts.errorClass,
    message: facts.message,
    retryable: shouldRetry === undefined ? isRetryableStatus(status) : shouldRetry === 'true',
    retryAfterMs: readRetryAfterMs(
      headerText(headers['retry-after-ms']),
      headerText(headers['retry-after']),
      nowMs(),
    ),
    refusal: status >= 400 ? body : undefined,
    error: new GatewayError('provider_bad_answer', `The provider answered with status ${status}.`),
    tail: '',
    toldInStream: false,
  }
}

/** The client is told to come back: there it finds another process, or this one's successor. */
const STOPPED: Told = {
  code: 'overloaded',
  ending: 'timeout',
  text: 'The gateway stopped before the call ended.',
}

interface Told {
  readonly code: ErrorCode
  readonly ending: AttemptFailure['ending']
  readonly text: string
}

/** Codes of `UpstreamError`, and the call's own reasons to cut its attempt. */
const TOLD: ReadonlyMap<string, Told> = new Map([
  [
    'FIRST_CONTENT_TIMEOUT',
    { code: 'timeout', ending: 'timeout', text: 'The provider sent no answer in time.' },
  ],
  [
    'IDLE_TIMEOUT',
    { code: 'timeout', ending: 'timeout', text: 'The provider fell silent within its answer.' },
  ],
  [
    'CONNECT_TIMEOUT',
    { code: 'timeout', ending: 'provider_unreachable', text: 'No connection to the provider in time.' },
  ],
  ['CALL_TIMEOUT', { code: 'timeout', ending: 'timeout', text: 'The time for this call has run out.' }],
  ['GATEWAY_STOPPING', STOPPED],
])

/** The connection failed, was cut, or a time-out ran out. The error's own text may name addresses: it is logged only. */
export function failureOfError(attempt: Attempt, error: Error): AttemptFailure {
  const told = TOLD.get(codeOf(error)) ?? connectionTrouble(attempt)
  return {
    ending: told.ending,
    errorClass: errorClassOf(told),
    message: `${told.text} (${codeOf(error) || error.name}: ${error.message})`,
    retryable: told !== STOPPED,
    retryAfterMs: undefined,
    refusal: undefined,
    error: new GatewayError(told.code, told.text, {
      cause: error,
      ...(told === STOPPED ? { retryAfterSeconds: 1 } : {}),
    }),
    tail: '',
    toldInStream: false,
  }
}

function errorClassOf(told: Told): string {
  if (told === STOPPED) return 'ServiceUnavailableError'
  return told.code === 'timeout' ? 'Timeout' : 'APIConnectionError'
}

function connectionTrouble(attempt: Attempt): Told {
  return attempt.answered
    ? { code: 'provider_cut', ending: 'provider_cut', text: 'The provider broke off within its answer.' }
    : {
        code: 'provider_unreachable',
        ending: 'provider_unreachable',
        text: 'The provider could not be reached.',
      }
}

/** The stream ended without its dialect's last event, or with an error event. */
export function failureOfStreamEnd(
  attempt: Attempt,
  streamError: StreamErrorFacts | undefined,
  tail: string,
): AttemptFailure {
  if (streamError === undefined) {
    const error = new GatewayError('provider_cut', 'The provider broke off within its answer.')
    return {
      ending: 'provider_cut',
      errorClass: 'APIConnectionError',
      message: error.message,
      retryable: true,
      retryAfterMs: undefined,
      refusal: undefined,
      error,
      tail: attempt.tap?.contentSeen === true ? tail : '',
      toldInStream: false,
    }
  }
  return {
    ending: 'provider_error',
    errorClass: streamError.status === 429 ? 'RateLimitError' : 'InternalServerError',
    message: streamError.message,
    retryable: isRetryableStatus(streamError.status),
    retryAfterMs: undefined,
    refusal: undefined,
    error: new GatewayError('provider_bad_answer', streamError.message, { status: streamError.status }),
    tail,
    toldInStream: true,
  }
}

/** The answer is larger than the gateway holds. Another try would bring, and bill, the same. */
export function failureOfSize(keptBytes: number): AttemptFailure {
  const text = `The provider's answer is larger than the gateway holds (over ${keptBytes} bytes).`
  return {
    ending: 'provider_error',
    errorClass: 'APIError',
    message: text,
    retryable: false,
    retryAfterMs: undefined,
    refusal: undefined,
    error: new GatewayError('provider_bad_answer', text),
    tail: '',
    toldInStream: false,
  }
}

/** The provider answered 200 with something that is no answer of its dialect, e.g. an HTML page. */
export function failureOfForeignAnswer(contentType: string | undefined, isError: boolean): AttemptFailure {
  const text = isError
    ? 'The provider answered with an error in spite of its status 200.'
    : `The provider's answer is not of its dialect (content-type ${(contentType ?? 'none').slice(0, 60)}).`
  return {
    ending: 'provider_error',
    errorClass: 'APIError',
    message: text,
    retryable: true,
    retryAfterMs: undefined,
    refusal: undefined,
    error: new GatewayError('provider_bad_answer', text),
    tail: '',
    toldInStream: false,
  }
}

function codeOf(error: Error): string {
  const code: unknown = 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}
