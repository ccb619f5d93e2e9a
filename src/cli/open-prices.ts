/** Loads the price book, with the cost map that the environment names laid over it. */
import type { Environment } from '../config/environment.ts'
import { loadPriceBook, type CostMapSource, type PriceBook } from '../spend/prices/price-book.ts'
import type { Logger } from '../telemetry/logs/logger.ts'

const FETCH_TIMEOUT_MS = 5_000

const VARIABLE = 'LITELLM_MODEL_COST_MAP_URL'

/** A cost map that cannot be had is told and left out: the bundled prices are in force then, never zero prices. */
export async function openPrices(environment: Environment, log: Logger): Promise<PriceBook> {
  const place = environment[VARIABLE]
  if (place === undefined || place === '') return await loadPriceBook({ clock: Date.now })
  try {
    return await loadPriceBook({ clock: Date.now, overlay: await readCostMap(place) })
  } catch (error) {
    log.error(`${VARIABLE}: the cost map is left out, the bundled prices are in force`, { err: error })
    return await loadPriceBook({ clock: Date.now })
  }
}

async function readCostMap(place: string): Promise<CostMapSource> {
  if (!/^https?:\/\//.test(place)) return { file: place.replace(/^file:\/\//, '') }
  const { request } = await import('undici')
  const answer = await request(place, { headersTimeout: FETCH_TIMEOUT_MS, bodyTimeout: FETCH_TIMEOUT_MS })
  const text = await answer.body.text()
  if (answer.statusCode !== 200) throw new Error(`the server answered with status ${answer.statusCode}`)
  return { text, name: new URL(place).origin + new URL(place).pathname }
}
