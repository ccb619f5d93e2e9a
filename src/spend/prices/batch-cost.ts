/** What a request in a batch costs. */
import type { Usage } from '../../dialects/usage.ts'
import { divideHalfUp, picodollars, type Picodollars } from '../../money/picodollars.ts'
import { costOf } from './cost-of.ts'
import { inForce, type ModelPrice } from './model-price.ts'

/**
 * The batch price of the model, where one is listed (`input_cost_per_token_batches` and its kin); else half of the
 * standard price, which is what providers take.
 *
 * @param atMs epoch milliseconds: dated prices depend on it.
 */
export function batchCostOf(price: ModelPrice, usage: Usage, atMs: number): Picodollars {
  if (inForce(price.dated, atMs).services.batch !== undefined) {
    return costOf(price, { ...usage, serviceTier: 'batch' }, atMs)
  }
  return picodollars(divideHalfUp(costOf(price, { ...usage, serviceTier: undefined }, atMs), 2n))
}
