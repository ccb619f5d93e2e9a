/** A request as the simulator understands it, whichever dialect it came in, and the reading of untrusted JSON. */
import type { Instructions } from './instructions.ts'

/** A piece of the prompt, in the order in which a prompt cache sees it. */
export interface PromptSegment {
  /** What tells this segment from an equal text elsewhere: role and kind. */
  readonly label: string
  readonly text: string
  /** Set where the caller marks the end of a cacheable prefix. */
  readonly cacheTtl?: '5m' | '1h' | undefined
}

export interface ToolOffer {
  readonly name: string
  readonly kind: 'function' | 'custom'
  readonly schema: unknown
}

export interface SimRequest {
  /** Model name without instructions. */
  readonly model: string
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly maxOutputTokens: number | undefined
  readonly segments: readonly PromptSegment[]
  /** UTF-8 bytes of all segments. */
  readonly promptBytes: number
  /** Which prompt-cache rules hold. */
  readonly cacheRules: 'marked' | 'implicit' | 'none'
  readonly lastUserText: string
  readonly tools: readonly ToolOffer[]
  /** A tool that the request insists on. */
  readonly forcedTool: string | undefined
  /** True when the conversation ends with the result of a tool call. */
  readonly answersTool: boolean
  /** How reasoning shows in the answer: not done at all, only in the usage, as an empty block, or with its text. */
  readonly thinking: 'none' | 'hidden' | 'omitted' | 'shown'
  /** Whether the dialect tells audio tokens. */
  readonly hasAudio: boolean
  readonly serviceTier: string | undefined
  readonly embedding: EmbeddingRequest | undefined
  /** Instructions found in the body. */
  readonly instructions: Instructions
}

export interface EmbeddingRequest {
  readonly inputs: readonly string[]
  readonly dimensions: number
  readonly encoding: 'float' | 'base64'
}

/** A body that the provider would refuse. */
export class BadRequestError extends Error {
  readonly param: string | undefined

  constructor(message: string, param?: string) {
    super(message)
    this.param = param
  }
}

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The objects of a list; nothing when the value is no list. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

export function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** JSON text of an object without its cache mark, which is no part of the prompt. */
export function promptJson(object: JsonObject): string {
  const { cache_control: _mark, ...rest } = object
  return JSON.stringify(rest)
}

export function promptBytesOf(segments: readonly PromptSegment[]): number {
  let bytes = 0
  for (const segment of segments) bytes += Buffer.byteLength(segment.text)
  return bytes
}
