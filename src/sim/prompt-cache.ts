/** The simulator's prompt cache: which prefixes of prompts it has seen, by the rules of each kind of provider. */
import { hash } from 'node:crypto'
import { TOKEN_BYTES, tokensOfBytes } from './tokens.ts'
import type { SimRequest } from './sim-request.ts'

/** Prompt tokens by class; together they are all of the prompt. */
export interface PromptUse {
  readonly inputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
}

interface Prefix {
  readonly digest: string
  readonly tokens: number
  readonly ttl: '5m' | '1h' | undefined
}

const IMPLICIT_MIN_TOKENS = 1_024
const IMPLICIT_STEP_TOKENS = 128
const MAX_PREFIXES = 20_000

export class PromptCache {
  readonly #seen = new Set<string>()
  /** The digests of a request that is served again and again, as in a bench, are made once. */
  readonly #prefixes = new WeakMap<SimRequest, readonly Prefix[]>()

  /** Looks a prompt up and remembers it. */
  use(request: SimRequest): PromptUse {
    const total = Math.max(1, tokensOfBytes(request.promptBytes))
    if (request.cacheRules === 'implicit' && total >= IMPLICIT_MIN_TOKENS)
      return this.#implicit(request, total)
    const isMarked = request.segments.some((segment) => segment.cacheTtl !== undefined)
    if (request.cacheRules === 'marked' && isMarked) return this.#marked(request, total)
    return { inputTokens: total, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 }
  }

  /** OpenAI: any repeated prefix of 1,024 tokens or more, in steps of 128; writing is free. */
  #implicit(request: SimRequest, total: number): PromptUse {
    const prefixes = this.#prefixesOf(request)
    const known = prefixes.findLast((prefix) => this.#seen.has(prefix.digest))
    for (const prefix of prefixes) {
      if (prefix.tokens >= IMPLICIT_MIN_TOKENS) this.#remember(prefix.digest)
    }
    const cacheReadTokens = Math.floor((known?.tokens ?? 0) / IMPLICIT_STEP_TOKENS) * IMPLICIT_STEP_TOKENS
    return {
      inputTokens: total - cacheReadTokens,
      cacheReadTokens,
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 0,
    }
  }

  /** Anthropic: what stands before a mark is written once, and read from then on. */
  #marked(request: SimRequest, total: number): PromptUse {
    const prefixes = this.#prefixesOf(request)
    const lastMark = prefixes.findLastIndex((prefix) => prefix.ttl !== undefined)
    const upToMark = prefixes.slice(0, lastMark + 1)
    const cacheReadTokens = upToMark.findLast((prefix) => this.#seen.has(prefix.digest))?.tokens ?? 0
    let done = cacheReadTokens
    let cacheWrite5mTokens = 0
    let cacheWrite1hTokens = 0
    for (const prefix of upToMark) {
      if (prefix.ttl === undefined) continue
      const written = Math.max(0, prefix.tokens - done)
      if (prefix.ttl === '1h') cacheWrite1hTokens += written
      else cacheWrite5mTokens += written
      done = Math.max(done, prefix.tokens)
      this.#remember(prefix.digest)
    }
    return { inputTokens: total - done, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens }
  }

  #prefixesOf(request: SimRequest): readonly Prefix[] {
    const known = this.#prefixes.get(request)
    if (known !== undefined) return known
    const prefixes: Prefix[] = []
    let digest = request.model
    let bytes = 0
    for (const segment of request.segments) {
      digest = hash('sha1', `${digest}\n${segment.label}\n${segment.text}`, 'base64')
      bytes += Buffer.byteLength(segment.text)
      prefixes.push({ digest, tokens: Math.floor(bytes / TOKEN_BYTES), ttl: segment.cacheTtl })
    }
    this.#prefixes.set(request, prefixes)
    return prefixes
  }

  #remember(digest: string): void {
    if (this.#seen.size >= MAX_PREFIXES) this.#seen.clear()
    this.#seen.add(digest)
  }
}
