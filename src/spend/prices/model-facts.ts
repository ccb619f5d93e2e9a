/** What `/model/info` shows of a model: prices, limits and abilities, under LiteLLM's field names. */
import type { BaseEntry } from './base-prices.ts'
import { toCostKeys } from './cost-keys.ts'
import type { CostMapEntry } from './cost-map.ts'
import { inForce } from './model-price.ts'
import { findEntries, listingOf } from './price-of.ts'
import type { PricedModel } from './price-of.ts'
import type { PriceBook } from './price-book.ts'
import type { ListedRates } from './price-listing.ts'

export type ModelFacts = Readonly<Record<string, unknown>>

/** Shown as `null` when they are not known. */
const ALWAYS_SHOWN: ModelFacts = {
  key: null,
  max_tokens: null,
  max_input_tokens: null,
  max_output_tokens: null,
  input_cost_per_token: null,
  output_cost_per_token: null,
  cache_creation_input_token_cost: null,
  cache_read_input_token_cost: null,
  litellm_provider: null,
  mode: null,
}

/**
 * Facts of a model as the sources state them today: cost keys in dollars per token (only those that are listed, not
 * those that are assumed), limits in tokens, `mode`, and `supports_*` where known. The deployment's own `model_info`
 * is to be laid over it by the caller.
 */
export function modelFacts(book: PriceBook, model: PricedModel): ModelFacts {
  const entries = findEntries(book, model)
  const listing = listingOf(entries, model)
  const listed = listing === undefined ? undefined : inForce(listing.dated, book.now())
  return {
    ...ALWAYS_SHOWN,
    litellm_provider: model.provider,
    key: listing?.key ?? null,
    ...(entries.base === undefined ? {} : baseFacts(entries.base)),
    ...(listed === undefined ? {} : abilities(listed.standard.base)),
    ...(entries.costMap === undefined ? {} : costMapFacts(entries.costMap)),
    ...(listed === undefined ? {} : toCostKeys(listed)),
  }
}

function baseFacts(entry: BaseEntry): ModelFacts {
  const { input, output } = entry.dated[0].standard.base
  return {
    ...(entry.contextWindow === undefined ? {} : { max_input_tokens: entry.contextWindow }),
    ...(input !== undefined && output !== undefined ? { mode: 'chat' } : {}),
    ...(/embed|^voyage-\d/.test(entry.id) && output === undefined ? { mode: 'embedding' } : {}),
  }
}

/** A class with a price of its own is an ability of the model. */
function abilities(listed: ListedRates): ModelFacts {
  return {
    ...(listed.cacheRead === undefined ? {} : { supports_prompt_caching: true }),
    ...(listed.inputAudio === undefined ? {} : { supports_audio_input: true }),
    ...(listed.outputAudio === undefined ? {} : { supports_audio_output: true }),
    ...(listed.webSearch === undefined ? {} : { supports_web_search: true }),
  }
}

function costMapFacts(entry: CostMapEntry): ModelFacts {
  const shown = Object.entries(entry.fields).filter(
    ([name, value]) =>
      value !== null &&
      (name === 'mode' ||
        name === 'litellm_provider' ||
        name.startsWith('supports_') ||
        (name.startsWith('max_') && name.endsWith('tokens'))),
  )
  return Object.fromEntries(shown)
}
