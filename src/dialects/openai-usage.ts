/**
 * Usage as OpenAI and the hosts that follow it tell it, made disjoint. `prompt_tokens` (Responses: `input_tokens`)
 * holds the cached tokens too, `completion_tokens` the reasoning tokens too, with the exceptions noted below.
 * Source: spec/protocols.md 3.4.
 */
import { countOf, objectOf, textOf, type JsonObject } from './json-value.ts'
import type { Usage } from './usage.ts'

/** Undefined when the object names no tokens at all. `serviceTier` is the answer's member `service_tier`. */
export function openAiUsage(value: unknown, serviceTier?: unknown): Usage | undefined {
  const usage = objectOf(value)
  if (usage === undefined) {
    return undefined
  }
  const total = countOf(usage['total_tokens'])
  const completion = countOf(usage['completion_tokens'] ?? usage['output_tokens'])
  const prompt =
    countOf(usage['prompt_tokens'] ?? usage['input_tokens']) ??
    (total === undefined ? undefined : Math.max(0, total - (completion ?? 0)))
  if (prompt === undefined && completion === undefined) {
    return undefined
  }
  const input = inputClasses(usage, prompt ?? 0)
  const output = outputClasses(usage, prompt ?? 0, input.cacheReadTokens, completion ?? 0, total)
  // Member by member: each spread costs as much as all the rest here.
  return {
    inputTokens: input.inputTokens,
    inputAudioTokens: input.inputAudioTokens,
    cacheReadTokens: input.cacheReadTokens,
    cacheWrite5mTokens: input.cacheWrite5mTokens,
    cacheWrite1hTokens: 0,
    outputTokens: output.outputTokens,
    reasoningTokens: output.reasoningTokens,
    outputAudioTokens: output.outputAudioTokens,
    webSearchRequests: countOf(objectOf(usage['server_tool_use'])?.['web_search_requests']) ?? 0,
    serviceTier: tierOf(textOf(usage['service_tier']) ?? textOf(serviceTier)),
  }
}

type InputClasses = Pick<Usage, 'inputTokens' | 'inputAudioTokens' | 'cacheReadTokens' | 'cacheWrite5mTokens'>

function inputClasses(usage: JsonObject, prompt: number): InputClasses {
  const details = objectOf(
    usage['prompt_tokens_details'] ?? usage['input_tokens_details'] ?? usage['prompt_token_details'],
  )
  const cacheReadTokens =
    countOf(details?.['cached_tokens']) ??
    // DeepSeek; Mistral; Moonshot.
    countOf(usage['prompt_cache_hit_tokens']) ??
    countOf(usage['num_cached_tokens']) ??
    countOf(usage['cached_tokens']) ??
    0
  const cacheWrite5mTokens =
    countOf(details?.['cache_write_tokens']) ?? countOf(details?.['cache_creation_tokens']) ?? 0
  // xAI sometimes tells the prompt without its cached part: visible only where cached is larger than the prompt.
  const inclusive = cacheReadTokens <= prompt
  const uncached = inclusive ? Math.max(0, prompt - cacheReadTokens - cacheWrite5mTokens) : prompt
  const cachedAudio = countOf(objectOf(details?.['cached_tokens_details'])?.['audio_tokens']) ?? 0
  const audio = Math.max(0, (countOf(details?.['audio_tokens']) ?? 0) - cachedAudio)
  const inputAudioTokens = Math.min(audio, uncached)
  return { inputTokens: uncached - inputAudioTokens, inputAudioTokens, cacheReadTokens, cacheWrite5mTokens }
}

type OutputClasses = Pick<Usage, 'outputTokens' | 'reasoningTokens' | 'outputAudioTokens'>

function outputClasses(
  usage: JsonObject,
  prompt: number,
  cached: number,
  completion: number,
  total: number | undefined,
): OutputClasses {
  const details = objectOf(usage['completion_tokens_details'] ?? usage['output_tokens_details'])
  const reasoning = countOf(details?.['reasoning_tokens']) ?? 0
  const audio = Math.min(countOf(details?.['audio_tokens']) ?? 0, completion)
  // xAI's chat tells completion_tokens without reasoning: the total then holds both.
  const rest = total === undefined ? undefined : total - completion - reasoning
  const exclusive =
    reasoning > completion ||
    (reasoning > 0 && (rest === prompt || (cached > prompt && rest === prompt + cached)))
  return {
    outputTokens: Math.max(0, completion - audio - (exclusive ? 0 : reasoning)),
    reasoningTokens: reasoning,
    outputAudioTokens: audio,
  }
}

/** OpenAI calls the standard tier `default`; `auto` is a request, not a statement. */
function tierOf(told: string | undefined): string | undefined {
  return told === 'default' ? 'standard' : told === 'auto' ? undefined : told
}
