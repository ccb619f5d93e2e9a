/**
 * The price book: the bundled prices and, over them, the operator's cost map. It is read when deployments are built,
 * never on the call path; a deployment's own prices are laid over it in `price-of.ts`.
 */
import { readFile } from 'node:fs/promises'
import { loadBasePrices } from './base-prices.ts'
import type { BasePrices } from './base-prices.ts'
import { parseCostMap, refusal } from './cost-map.ts'
import type { CostMap } from './cost-map.ts'

/** A cost map in LiteLLM's format: a file to read, or text that was fetched already and the name to call it by. */
export type CostMapSource = { readonly file: string } | { readonly text: string; readonly name: string }

export interface PriceBookOptions {
  readonly overlay?: CostMapSource
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** The cost map in force. */
export interface Overlay {
  readonly map: CostMap
  readonly name: string
  readonly loadedAtMs: number
}

export class PriceBook {
  readonly base: BasePrices
  readonly #clock: () => number
  #overlay: Overlay | undefined
  #generation = 0

  constructor(base: BasePrices, clock: () => number) {
    this.base = base
    this.#clock = clock
  }

  get overlay(): Overlay | undefined {
    return this.#overlay
  }

  /** Grows by one with each cost map taken: prices resolved under an older number are out of date. */
  get generation(): number {
    return this.#generation
  }

  /** The instant by which prices are described to a reader, epoch milliseconds. */
  now(): number {
    return this.#clock()
  }

  /**
   * Puts a cost map in the place of the one in force, if it is sound as a whole.
   * @throws GatewayError `price_map_invalid` with the reason; the one in force stays.
   */
  async replaceOverlay(source: CostMapSource): Promise<void> {
    const name = 'file' in source ? source.file : source.name
    const map = parseCostMap('file' in source ? await readText(source.file) : source.text, name)
    this.#overlay = { map, name, loadedAtMs: this.#clock() }
    this.#generation += 1
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw refusal(file, error instanceof Error ? error.message : 'it cannot be read', error)
  }
}

/**
 * Makes the price book.
 * @throws GatewayError `price_map_invalid` when a cost map is given and is not sound: the caller must say so, for a
 *   gateway that starts without its operator's own prices bills others.
 */
export async function loadPriceBook(options: PriceBookOptions): Promise<PriceBook> {
  const book = new PriceBook(await loadBasePrices(), options.clock)
  if (options.overlay !== undefined) await book.replaceOverlay(options.overlay)
  return book
}
