/** The status that a failure is told under: in metrics, log, callbacks and call log alike. */
import { ERROR_KINDS } from '../errors/gateway-error.ts'
import type { CallEnd } from '../record/call-record.ts'

/**
 * The status of a call that failed. A stream that broke off had sent 200: it is told under the status that its error
 * has where it can still be sent.
 */
export function failureStatus({ error, httpStatus }: Pick<CallEnd, 'error' | 'httpStatus'>): number {
  return statusOfFailure(error?.httpStatus ?? httpStatus, error?.errorClass)
}

/** @param httpStatus undefined where there was no answer. */
export function statusOfFailure(httpStatus: number | undefined, errorClass: string | undefined): number {
  if (httpStatus !== undefined && httpStatus >= 400) return httpStatus
  const { timeout, provider_cut: cut } = ERROR_KINDS
  return errorClass === timeout.errorClass ? timeout.status : cut.status
}
