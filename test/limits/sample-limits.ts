/** Scopes, prices and requests for tests of limits. */
import type { LimitObserver } from '../../src/limits/limit-observer.ts'
import type { AdmissionRequest } from '../../src/limits/limits.ts'
import type { LimitSettings } from '../../src/limits/limit-settings.ts'
import { picodollars, ZERO } from '../../src/money/picodollars.ts'
import type { Scope } from '../../src/record/scope.ts'
import { completePrice } from '../../src/spend/prices/price-listing.ts'
import type { ModelPrice } from '../../src/spend/prices/model-price.ts'
import { readPriceOverrides } from '../../src/spend/prices/price-overrides.ts'

/** One picodollar a token. */
export const TOKEN_PRICE: ModelPrice = priceOf({
  input_cost_per_token: '1e-12',
  output_cost_per_token: '1e-12',
})

export const FREE: ModelPrice = priceOf({ input_cost_per_token: 0, output_cost_per_token: 0 })

export function priceOf(keys: Readonly<Record<string, unknown>>): ModelPrice {
  const { listed } = readPriceOverrides(keys, {})
  const price =
    listed === undefined
      ? undefined
      : completePrice({
          source: 'override',
          key: undefined,
          dated: [{ period: undefined, ...listed }],
          anthropicModel: false,
        })
  if (price === undefined) throw new Error('the keys give no price')
  return price
}

export function scopeOf(limits: Partial<Scope> = {}): Scope {
  return {
    kind: 'key',
    id: 'hash-of-a-key',
    label: 'sk-...1234',
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    parallelRequests: undefined,
    maxBudget: undefined,
    softBudget: undefined,
    budgetWindow: 'ever',
    resetsAtMs: undefined,
    spent: ZERO,
    ...limits,
  }
}

export function requestOf(scopes: readonly Scope[], more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    callId: 'a-call',
    atMs: 0,
    scopes,
    modelGroup: 'a-model',
    price: TOKEN_PRICE,
    inputTokens: 10,
    maxOutputTokens: undefined,
    ...more,
  }
}

/** What the call path does with a cost, before it settles the reservation. */
export function spend(scopes: readonly Scope[], amount: bigint): void {
  for (const scope of scopes) scope.spent = picodollars(scope.spent + amount)
}

export const LOCAL_ON_LOSS: LimitSettings = {
  ratesOnStoreLoss: 'local',
  budgetsOnStoreLoss: 'local',
  countedTokens: 'total',
  reservesBudgets: true,
}

export interface Told {
  readonly observer: LimitObserver
  /** `shared`, `local`, `key tokens`, `failed admission`, … in order. */
  readonly events: string[]
}

export function told(): Told {
  const events: string[] = []
  const observer: LimitObserver = {
    admitted: (store) => void events.push(store),
    refused: (scope, limit) => void events.push(`${scope} ${limit}`),
    storeAnswered() {},
    storeFailed: (step) => void events.push(`failed ${step}`),
    storeError: (error) => void events.push(String(error)),
  }
  return { observer, events }
}
