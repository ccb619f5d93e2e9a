/** Finds the price of a deployment: its own cost keys, over the operator's cost map, over the bundled prices. */
import type { BaseEntry } from './base-prices.ts'
import { entryPrice } from './cost-map.ts'
import type { CostMapEntry } from './cost-map.ts'
import { candidateNames, sellerOf } from './model-names.ts'
import type { ModelPrice } from './model-price.ts'
import type { PriceBook } from './price-book.ts'
import { mergedMultiples, multiplesOfClaude } from './price-multiples.ts'
import { completePrice, overridePrice } from './price-listing.ts'
import type { DatedListing, ListedPrice, Listing } from './price-listing.ts'
import type { PriceOverrides } from './price-overrides.ts'

/** What is known of a deployment when its price is looked for. */
export interface PricedModel {
  /** LiteLLM's provider word, e.g. `openai`, `bedrock_converse`. */
  readonly provider: string
  /** The model as the provider knows it, with or without a provider prefix. */
  readonly upstreamModel: string
  /** `model_info.base_model`: the entry to price by, whatever the deployment is called. */
  readonly baseModel?: string | undefined
  readonly overrides: PriceOverrides
}

/** What the sources say of a model; an entry may state facts and no price. */
export interface BookEntries {
  readonly costMap: CostMapEntry | undefined
  readonly base: BaseEntry | undefined
}

/**
 * The price of a deployment, resolved once; undefined when no source prices it. It is fixed: after a new cost map
 * (`PriceBook.generation`) it must be resolved again.
 */
export function resolvePrice(book: PriceBook, model: PricedModel): ModelPrice | undefined {
  const listing = listingOf(findEntries(book, model), model)
  return listing === undefined ? undefined : completePrice(listing)
}

/** The entries of the cost map and of the bundled prices for a model. */
export function findEntries(book: PriceBook, model: PricedModel): BookEntries {
  const own = lookUp(book, model.provider, model.upstreamModel)
  if (model.baseModel === undefined) return own
  const named = lookUpBaseModel(book, model.provider, model.baseModel)
  // A base model that no source knows must not hide what is known of the deployment's own name.
  return named.costMap === undefined && named.base === undefined ? own : named
}

function lookUp(book: PriceBook, provider: string, name: string): BookEntries {
  const names = candidateNames(name, provider)
  return {
    costMap: book.overlay?.map.find(provider.toLowerCase(), names),
    base: book.base.find(sellerOf(provider), names),
  }
}

/** `base_model` is a key of the cost map (`azure/gpt-4o`, `gpt-4o`), or a model of the deployment's own provider. */
function lookUpBaseModel(book: PriceBook, provider: string, name: string): BookEntries {
  const slash = name.indexOf('/')
  const prefix =
    slash > 0 && book.base.knows(sellerOf(name.slice(0, slash))) ? name.slice(0, slash) : undefined
  const entries = lookUp(book, prefix ?? provider, name)
  const exact = book.overlay?.map.get(name) ?? entries.costMap
  const base = entries.base ?? (prefix === undefined ? baseOfBareName(book, name) : undefined)
  return { costMap: exact, base }
}

function baseOfBareName(book: PriceBook, name: string): BaseEntry | undefined {
  const seller = book.base.sellerOfModel(name.toLowerCase())
  return seller === undefined ? undefined : book.base.find(seller, candidateNames(name, seller))
}

/** What the sources list for the model, the deployment's own keys laid over it. */
export function listingOf(entries: BookEntries, model: PricedModel): Listing | undefined {
  const found = fromCostMap(entries.costMap) ?? fromBase(entries.base)
  const own = model.overrides.listed
  if (own === undefined && found === undefined) return undefined
  const name = found?.key ?? model.upstreamModel
  const anthropicModel = /claude/i.test(name)
  const multiples = mergedMultiples([
    own?.multiples,
    found?.dated[0].multiples,
    anthropicModel ? multiplesOfClaude(`${name} ${model.upstreamModel}`) : undefined,
  ])
  if (own === undefined) return found === undefined ? undefined : { ...found, anthropicModel, multiples }
  const [first, ...rest] = found?.dated ?? [UNLISTED]
  const over = (listed: DatedListing): DatedListing => overridePrice(listed, own)
  const dated: Listing['dated'] = [over(first), ...rest.map(over)]
  return { source: 'override', key: found?.key, dated, anthropicModel, multiples }
}

const UNLISTED: DatedListing = { period: undefined, standard: { base: {}, tiers: [] }, services: {} }

type FoundListing = Omit<Listing, 'anthropicModel' | 'multiples'>

function fromCostMap(entry: CostMapEntry | undefined): FoundListing | undefined {
  const price: ListedPrice | undefined = entry === undefined ? undefined : entryPrice(entry)
  if (entry === undefined || price === undefined) return undefined
  return { source: 'cost_map', key: entry.key, dated: [{ period: undefined, ...price }] }
}

function fromBase(entry: BaseEntry | undefined): FoundListing | undefined {
  if (entry === undefined) return undefined
  return { source: 'book', key: `${entry.seller}/${entry.id}`, dated: entry.dated }
}
