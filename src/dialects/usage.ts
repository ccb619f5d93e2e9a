/**
 * What a call used, in disjoint token classes: no token is counted in two of them, so that a price per class gives
 * the cost. Each dialect has one normaliser into this shape. Zero is a statement; a provider that says nothing gives
 * no `Usage` at all.
 */
export interface Usage {
  /** Input that was neither read from nor written to a prompt cache; text and images. */
  readonly inputTokens: number
  /** Input audio, not cached. */
  readonly inputAudioTokens: number
  readonly cacheReadTokens: number
  /** Prompt-cache writes that live 5 minutes (or whose time to live is not told). */
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
  /** Output text: neither reasoning nor audio. */
  readonly outputTokens: number
  readonly reasoningTokens: number
  readonly outputAudioTokens: number
  readonly webSearchRequests: number
  /** The service tier the provider says it billed (`standard`, `priority`, `flex`, `batch` …), if it says. */
  readonly serviceTier: string | undefined
}

export const NO_USAGE: Usage = {
  inputTokens: 0,
  inputAudioTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  outputAudioTokens: 0,
  webSearchRequests: 0,
  serviceTier: undefined,
}

/** All input, cached or not: what OpenAI calls `prompt_tokens`. */
export function promptTokens(usage: Usage): number {
  return (
    usage.inputTokens +
    usage.inputAudioTokens +
    usage.cacheReadTokens +
    usage.cacheWrite5mTokens +
    usage.cacheWrite1hTokens
  )
}

/** All output, reasoning and audio included: what OpenAI calls `completion_tokens`. */
export function completionTokens(usage: Usage): number {
  return usage.outputTokens + usage.reasoningTokens + usage.outputAudioTokens
}

export function totalTokens(usage: Usage): number {
  return promptTokens(usage) + completionTokens(usage)
}
