/**
 * Usage as Anthropic tells it, made disjoint. `input_tokens` is without both cache numbers, `output_tokens` with
 * thinking. Source: spec/protocols.md 1.3.
 */
import { countOf, objectOf, textOf, type JsonObject } from './json-value.ts'
import { NO_USAGE, type Usage } from './usage.ts'

/** Iterations that are billed, but not in the numbers above them. */
const EXTRA_ITERATIONS = new Set<unknown>(['compaction', 'advisor_message'])

/** Undefined when the object names no tokens at all. */
export function anthropicUsage(value: unknown): Usage | undefined {
  const told = objectOf(value)
  if (told === undefined) {
    return undefined
  }
  const input = countOf(told['input_tokens'])
  const output = countOf(told['output_tokens'])
  if (input === undefined && output === undefined) {
    return undefined
  }
  let usage = tokenClasses(told)
  const iterations: readonly unknown[] = Array.isArray(told['iterations']) ? told['iterations'] : []
  for (const entry of iterations) {
    const iteration = objectOf(entry)
    if (iteration !== undefined && EXTRA_ITERATIONS.has(iteration['type'])) {
      usage = withExtra(usage, tokenClasses(iteration))
    }
  }
  return {
    ...usage,
    webSearchRequests: countOf(objectOf(told['server_tool_use'])?.['web_search_requests']) ?? 0,
    serviceTier: billedTier(told),
  }
}

/** Fast mode, and serving within the United States, have prices of their own, and are told beside the tier. */
function billedTier(told: JsonObject): string | undefined {
  const tier = told['speed'] === 'fast' ? 'fast' : textOf(told['service_tier'])
  return told['inference_geo'] === 'us' ? `${tier ?? 'standard'}-us` : tier
}

function tokenClasses(told: JsonObject): Usage {
  const output = countOf(told['output_tokens']) ?? 0
  const thinking = countOf(objectOf(told['output_tokens_details'])?.['thinking_tokens']) ?? 0
  const reasoningTokens = Math.min(thinking, output)
  return {
    ...NO_USAGE,
    inputTokens: countOf(told['input_tokens']) ?? 0,
    cacheReadTokens: countOf(told['cache_read_input_tokens']) ?? 0,
    ...cacheWrites(told),
    outputTokens: output - reasoningTokens,
    reasoningTokens,
  }
}

/** The split by time to live; where it does not give the sum, the sum holds, and what is not told counts as 5 m. */
function cacheWrites(told: JsonObject): Pick<Usage, 'cacheWrite5mTokens' | 'cacheWrite1hTokens'> {
  const split = objectOf(told['cache_creation'])
  const split5m = countOf(split?.['ephemeral_5m_input_tokens']) ?? 0
  const split1h = countOf(split?.['ephemeral_1h_input_tokens']) ?? 0
  const sum = countOf(told['cache_creation_input_tokens']) ?? split5m + split1h
  const cacheWrite1hTokens = Math.min(split1h, sum)
  return { cacheWrite5mTokens: sum - cacheWrite1hTokens, cacheWrite1hTokens }
}

function withExtra(usage: Usage, extra: Usage): Usage {
  return {
    ...usage,
    inputTokens: usage.inputTokens + extra.inputTokens,
    cacheReadTokens: usage.cacheReadTokens + extra.cacheReadTokens,
    cacheWrite5mTokens: usage.cacheWrite5mTokens + extra.cacheWrite5mTokens,
    cacheWrite1hTokens: usage.cacheWrite1hTokens + extra.cacheWrite1hTokens,
    outputTokens: usage.outputTokens + extra.outputTokens,
    reasoningTokens: usage.reasoningTokens + extra.reasoningTokens,
  }
}
