/** A failure as the client may be told it: providers have been seen to repeat the gateway's own key in their errors. */
import { GatewayError } from '../errors/gateway-error.ts'
import type { AttemptFailure } from './attempt-failure.ts'

type Redact = (text: string) => string

/** The same failure where it holds no secret; else one with the secrets masked in every text that the client gets. */
export function withoutSecrets(failure: AttemptFailure, redact: Redact): AttemptFailure {
  const { refusal, tail, error } = failure
  return {
    ...failure,
    message: redact(failure.message),
    refusal: refusal === undefined ? undefined : redactedBytes(refusal, redact),
    // The provider's error event may be cut anywhere: a secret is found in the whole only.
    tail: failure.toldInStream ? redact(tail) : tail,
    error: redactedError(error, redact),
  }
}

/** The bytes themselves where there is nothing to hide, valid UTF-8 or not. */
function redactedBytes(bytes: Buffer, redact: Redact): Buffer {
  const text = bytes.toString('latin1')
  const redacted = redact(text)
  return redacted === text ? bytes : Buffer.from(redacted, 'latin1')
}

function redactedError(error: GatewayError, redact: Redact): GatewayError {
  const message = redact(error.message)
  if (message === error.message) return error
  return new GatewayError(error.code, message, { status: error.status, cause: error.cause })
}
