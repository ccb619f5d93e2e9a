/** What a batch has used: its output file read line by line, each line by the normaliser of its dialect. */
import type { Readable } from 'node:stream'
import type { Dialect } from '../dialects/dialect.ts'
import { NO_USAGE, type Usage } from '../dialects/usage.ts'
import { picodollars, ZERO, type Picodollars } from '../money/picodollars.ts'
import { batchCostOf } from '../spend/prices/batch-cost.ts'
import type { ModelPrice } from '../spend/prices/model-price.ts'
import { readOutputLine } from './batch-line.ts'
import { linesOf } from './lines.ts'

export interface BatchUsage {
  readonly usage: Usage
  readonly cost: Picodollars
  /** Requests that the provider answered. */
  readonly answered: number
  /** Lines that tell nothing that could be paid for. */
  readonly unreadable: number
  /** Size of the file. */
  readonly bytes: number
}

/**
 * @param price undefined when none is known: the cost is zero.
 * @throws what broke the file off; nothing of it counts then.
 */
export async function readOutput(
  file: Readable,
  dialect: Dialect,
  price: ModelPrice | undefined,
  atMs: number,
  maxLineBytes: number,
): Promise<BatchUsage> {
  let usage: Usage = { ...NO_USAGE, serviceTier: 'batch' }
  let cost = ZERO
  let answered = 0
  let unreadable = 0
  let bytes = 0
  for await (const line of linesOf(file as AsyncIterable<Buffer>, maxLineBytes)) {
    bytes += line.length
    const outcome = readOutputLine(line, dialect)
    if (outcome.kind === 'unreadable') unreadable += 1
    if (outcome.kind !== 'answered') continue
    answered += 1
    if (outcome.usage === undefined) continue
    usage = sumOf(usage, outcome.usage)
    if (price !== undefined) cost = picodollars(cost + batchCostOf(price, outcome.usage, atMs))
  }
  return { usage, cost, answered, unreadable, bytes }
}

function sumOf(sum: Usage, usage: Usage): Usage {
  return {
    inputTokens: sum.inputTokens + usage.inputTokens,
    inputAudioTokens: sum.inputAudioTokens + usage.inputAudioTokens,
    cacheReadTokens: sum.cacheReadTokens + usage.cacheReadTokens,
    cacheWrite5mTokens: sum.cacheWrite5mTokens + usage.cacheWrite5mTokens,
    cacheWrite1hTokens: sum.cacheWrite1hTokens + usage.cacheWrite1hTokens,
    outputTokens: sum.outputTokens + usage.outputTokens,
    reasoningTokens: sum.reasoningTokens + usage.reasoningTokens,
    outputAudioTokens: sum.outputAudioTokens + usage.outputAudioTokens,
    webSearchRequests: sum.webSearchRequests + usage.webSearchRequests,
    serviceTier: sum.serviceTier,
  }
}
