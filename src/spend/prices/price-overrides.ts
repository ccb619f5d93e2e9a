/** A deployment's own prices: the cost keys of its `model_info` and `litellm_params`. */
import { readCostKeys } from './cost-keys.ts'
import type { ListedPrice } from './price-listing.ts'

export interface PriceOverrides {
  /** Undefined: the deployment states no price of its own. */
  readonly listed: ListedPrice | undefined
  /** Values that are no price; the config is at fault. Each names the key, what was expected and what was found. */
  readonly errors: readonly string[]
  /** Settings that are understood but do less than their author may think. */
  readonly warnings: readonly string[]
}

export const NO_OVERRIDES: PriceOverrides = { listed: undefined, errors: [], warnings: [] }

/** Reads both maps; a key that stands in both is taken from `litellm_params`, as LiteLLM does. */
export function readPriceOverrides(
  modelInfo: Readonly<Record<string, unknown>>,
  litellmParams: Readonly<Record<string, unknown>>,
): PriceOverrides {
  const { listed, faults, unbilled } = readCostKeys({ ...modelInfo, ...present(litellmParams) })
  const warnings = unbilled.map((key) => `${key}: is not billed by; only tokens, searches and calls are`)
  return {
    listed,
    errors: faults.map(
      ({ key, expected, found }) => `${key}: expected ${expected}, found ${describe(found)}`,
    ),
    warnings: isHalfPriced(listed, modelInfo['mode']) ? [...warnings, HALF_PRICED] : warnings,
  }
}

const HALF_PRICED =
  'input_cost_per_token, output_cost_per_token: only one is set; the other is taken from the price book, or is 0'

/** Modes whose calls have output tokens. Embeddings and their like are rightly priced by input alone. */
const MODES_WITH_OUTPUT: readonly unknown[] = [undefined, null, 'chat', 'completion', 'responses']

function isHalfPriced(listed: ListedPrice | undefined, mode: unknown): boolean {
  if (listed === undefined || !MODES_WITH_OUTPUT.includes(mode)) return false
  const { input, output } = listed.standard.base
  return (input === undefined) !== (output === undefined)
}

function present(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null))
}

/** At most 60 characters of a value, so that an error stays a line. */
function describe(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 60)
}
