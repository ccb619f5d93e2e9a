/**
 * A cost map in LiteLLM's format (`model_prices_and_context_window.json`): model name → prices and facts. It is
 * checked as a whole; one bad entry refuses the file, for half a price list is worse than the old one.
 */
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import { readCostKeys } from './cost-keys.ts'
import { sellerOf } from './model-names.ts'
import type { ListedPrice } from './price-listing.ts'

/** The format's own example entry: documentation, not a model. */
const EXAMPLE_ENTRY = 'sample_spec'

const optionalText = z.string().nullish()

const ENTRY = z
  .looseObject({ litellm_provider: optionalText, mode: optionalText })
  .superRefine((entry, context) => {
    for (const { key, expected, found } of readCostKeys(entry).faults) {
      context.addIssue({ code: 'custom', path: [key], message: `expected ${expected}`, input: found })
    }
  })

const COST_MAP = z.record(z.string().min(1), z.unknown()).transform((map, context) => {
  const entries = new Map<string, CostMapEntry>()
  for (const [key, value] of Object.entries(map)) {
    if (key === EXAMPLE_ENTRY) continue
    const parsed = ENTRY.safeParse(value)
    if (!parsed.success) {
      for (const issue of parsed.error.issues) {
        context.addIssue({ code: 'custom', path: [key, ...issue.path], message: issue.message, input: value })
      }
      continue
    }
    entries.set(key.toLowerCase(), { key, fields: parsed.data })
  }
  return entries
})

export interface CostMapEntry {
  /** The name as the file writes it. */
  readonly key: string
  readonly fields: Readonly<Record<string, unknown>>
}

export class CostMap {
  readonly #entries: ReadonlyMap<string, CostMapEntry>
  /** Entries with a price per token or call. */
  readonly pricedModels: number

  constructor(entries: ReadonlyMap<string, CostMapEntry>) {
    this.#entries = entries
    this.pricedModels = [...entries.values()].filter((entry) => entryPrice(entry) !== undefined).length
  }

  /** The entry of exactly this name, in any letter case. */
  get(name: string): CostMapEntry | undefined {
    return this.#entries.get(name.toLowerCase())
  }

  /** The entry of the first name that stands under the provider, or alone as a model of the same seller. */
  find(provider: string, names: readonly string[]): CostMapEntry | undefined {
    for (const name of names) {
      const entry = this.get(`${provider}/${name}`) ?? this.#ofSeller(sellerOf(provider), name)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  #ofSeller(seller: string, name: string): CostMapEntry | undefined {
    const entry = this.get(name)
    const owner = entry?.fields['litellm_provider']
    return typeof owner === 'string' && sellerOf(owner) !== seller ? undefined : entry
  }
}

export function entryPrice(entry: CostMapEntry): ListedPrice | undefined {
  return readCostKeys(entry.fields).listed
}

/**
 * Reads the text of a cost map.
 * @param name What to call it in an error: a file path or a URL.
 * @throws GatewayError `price_map_invalid` with the reason, when it is not JSON, when an entry is at fault, or when it
 *   prices no model at all.
 */
export function parseCostMap(text: string, name: string): CostMap {
  const parsed = COST_MAP.safeParse(parseJson(text, name))
  if (!parsed.success) throw refusal(name, describeIssues(parsed.error.issues), parsed.error)
  const map = new CostMap(parsed.data)
  if (map.pricedModels === 0) throw refusal(name, 'no entry has a price such as input_cost_per_token')
  return map
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw refusal(name, `not JSON (${error instanceof Error ? error.message : 'unreadable'})`, error)
  }
}

const ISSUES_SHOWN = 5

function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  const shown = issues.slice(0, ISSUES_SHOWN).map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  const more = issues.length > ISSUES_SHOWN ? `; and ${issues.length - ISSUES_SHOWN} more` : ''
  return shown.join('; ') + more
}

/** The error that a cost map is not taken; what was in force before stays so. */
export function refusal(name: string, reason: string, cause?: unknown): GatewayError {
  const message = `The model cost map ${name} is refused: ${reason}. The prices in force are unchanged; correct the file and load it again.`
  return new GatewayError('price_map_invalid', message, { cause })
}
