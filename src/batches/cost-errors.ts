/** Why the cost of a batch cannot be known now: the words of `litellm_check_batch_cost_errors_total`. */
import { GatewayError } from '../errors/gateway-error.ts'
import { DatabaseUnreachableError } from '../storage/postgresql.ts'

export type CostErrorType =
  /** The deployment that has the batch is configured no more. */
  | 'deployment_gone'
  | 'provider_refused'
  | 'provider_unreachable'
  /** Lines of the output tell nothing that could be paid for; the others are booked. */
  | 'output_unreadable'
  /** The ledger did not take the booking. */
  | 'not_booked'
  | 'database'
  /** Given up: it did not end within the time that batches have. */
  | 'stale'
  | 'internal'

export class CostError extends Error {
  readonly type: CostErrorType

  constructor(type: CostErrorType, message: string) {
    super(message)
    this.type = type
  }
}

export function costErrorType(error: unknown): CostErrorType {
  if (error instanceof CostError) return error.type
  if (error instanceof DatabaseUnreachableError) return 'database'
  return error instanceof GatewayError ? 'provider_unreachable' : 'internal'
}
