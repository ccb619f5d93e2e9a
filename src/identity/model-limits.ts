/**
 * Limits of single models within a key, a user, a team, …, as LiteLLM's fields write them: `model_rpm_limit` and
 * `model_tpm_limit` in the metadata (`{model: number}`), which go before those in `model_max_budget`
 * (`{model: {budget_limit, time_period, rpm_limit, tpm_limit}}`, or `{model: amount}`).
 */
import { parseDollars, type Picodollars } from '../money/picodollars.ts'
import { UNLIMITED, type ScopeLimits } from './shared-scope.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** Limits by model group. What cannot be read limits nothing: the management API refuses it before it is stored. */
export function modelLimits(metadata: JsonObject, modelMaxBudget: unknown): ReadonlyMap<string, ScopeLimits> {
  const requests = objectOf(metadata['model_rpm_limit'])
  const tokens = objectOf(metadata['model_tpm_limit'])
  const budgets = objectOf(modelMaxBudget)
  const models = new Set([...Object.keys(requests), ...Object.keys(tokens), ...Object.keys(budgets)])
  return new Map(
    [...models].map((model) => {
      const budget = modelBudget(budgets[model])
      return [
        model,
        {
          ...UNLIMITED,
          maxBudget: budget.amount ?? null,
          requestsPerMinute: readCount(requests[model]) ?? budget.requestsPerMinute ?? null,
          tokensPerMinute: readCount(tokens[model]) ?? budget.tokensPerMinute ?? null,
          duration: budget.duration ?? null,
        },
      ]
    }),
  )
}

export interface ModelBudget {
  readonly amount: Picodollars | undefined
  readonly duration: string | undefined
  readonly requestsPerMinute: bigint | undefined
  readonly tokensPerMinute: bigint | undefined
}

/** One member of `model_max_budget`. */
export function modelBudget(value: unknown): ModelBudget {
  const fields = objectOf(value)
  const duration = fields['time_period'] ?? fields['budget_duration']
  return {
    amount: readDollars(typeof value === 'object' ? (fields['budget_limit'] ?? fields['max_budget']) : value),
    duration: typeof duration === 'string' ? duration : undefined,
    requestsPerMinute: readCount(fields['rpm_limit']),
    tokensPerMinute: readCount(fields['tpm_limit']),
  }
}

/** An amount of USD in an open field: undefined when it is none. */
export function readDollars(value: unknown): Picodollars | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined
  const dollars = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
  return dollars >= 0 && dollars <= MOST_DOLLARS ? parseDollars(value) : undefined
}

/** As for `max_budget` itself. */
const MOST_DOLLARS = 9_223_372

function readCount(value: unknown): bigint | undefined {
  const count = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return Number.isSafeInteger(count) && Number(count) >= 0 ? BigInt(Number(count)) : undefined
}

function objectOf(value: unknown): JsonObject {
  // An object that is no list has text keys.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}
