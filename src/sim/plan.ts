/** The whole answer, decided before its first byte goes out: blocks, how they are cut, and what it will cost. */
import { chooseToolCall } from './tool-call.ts'
import { TOKEN_BYTES, textOfBytes, tokensOfBytes } from './tokens.ts'
import type { Usage } from '../dialects/usage.ts'
import type { Instructions } from './instructions.ts'
import type { PromptUse } from './prompt-cache.ts'
import type { SimRequest } from './sim-request.ts'
import type { ToolCall } from './tool-call.ts'

interface BlockBase {
  readonly text: string
  /** Into how many pieces a stream cuts the text. */
  readonly pieces: number
  /** Output bytes before this block. */
  readonly bytesBefore: number
}

export interface ThinkingBlock extends BlockBase {
  readonly kind: 'thinking'
  readonly tokens: number
  /** False: the block stands in the answer, but without its text. */
  readonly shown: boolean
}

export interface TextBlock extends BlockBase {
  readonly kind: 'text'
}

export interface ToolBlock extends BlockBase {
  readonly kind: 'tool'
  readonly name: string
  readonly custom: boolean
  /** Without the dialect's prefix. */
  readonly toolCallId: string
}

export type Block = ThinkingBlock | TextBlock | ToolBlock

export interface Plan {
  readonly request: SimRequest
  /** The simulator's request id: the answer's id without the dialect's prefix. */
  readonly id: string
  readonly createdS: number
  readonly blocks: readonly Block[]
  readonly stop: 'stop' | 'length' | 'tool'
  readonly usage: Usage
}

const DEFAULT_TOKENS = 32
const DEFAULT_CHUNK_TOKENS = 4

export interface PlanFacts {
  readonly request: SimRequest
  readonly instructions: Instructions
  readonly prompt: PromptUse
  readonly id: string
  readonly createdS: number
}

export function planAnswer(facts: PlanFacts): Plan {
  const { request, instructions, id, createdS } = facts
  const limit = request.maxOutputTokens ?? Number.POSITIVE_INFINITY
  const wanted = request.thinking === 'none' ? 0 : (instructions.reasoningTokens ?? 0)
  const reasoningTokens = Math.min(wanted, limit)
  const blocks: Block[] = thinkingBlocks(request, instructions, reasoningTokens)
  const toolCall = chooseToolCall(request, instructions)
  let stop: Plan['stop'] = 'tool'
  if (toolCall === undefined) {
    const block = textBlock(instructions, limit - reasoningTokens)
    blocks.push(block.block)
    stop = block.truncated ? 'length' : 'stop'
  } else {
    blocks.push(...toolBlocks(toolCall, instructions, id))
  }
  const last = blocks.at(-1)
  const outputBytes = last === undefined ? 0 : last.bytesBefore + Buffer.byteLength(last.text)
  const usage = usageOf(facts, tokensOfBytes(outputBytes), reasoningTokens)
  return { request, id, createdS, blocks, stop, usage }
}

function usageOf(facts: PlanFacts, outputTokens: number, reasoningTokens: number): Usage {
  const { instructions, prompt, request } = facts
  return {
    inputTokens: instructions.inputTokens ?? prompt.inputTokens,
    inputAudioTokens: request.hasAudio ? (instructions.inputAudioTokens ?? 0) : 0,
    cacheReadTokens: instructions.cacheReadTokens ?? prompt.cacheReadTokens,
    cacheWrite5mTokens: instructions.cacheWrite5mTokens ?? prompt.cacheWrite5mTokens,
    cacheWrite1hTokens: instructions.cacheWrite1hTokens ?? prompt.cacheWrite1hTokens,
    outputTokens,
    reasoningTokens,
    outputAudioTokens: request.hasAudio && outputTokens > 0 ? (instructions.outputAudioTokens ?? 0) : 0,
    webSearchRequests: instructions.webSearchRequests ?? 0,
    serviceTier: instructions.tier ?? request.serviceTier,
  }
}

function thinkingBlocks(request: SimRequest, instructions: Instructions, tokens: number): Block[] {
  if (tokens === 0 || (request.thinking !== 'shown' && request.thinking !== 'omitted')) return []
  const shown = request.thinking === 'shown'
  const text = shown ? textOfBytes(tokens * TOKEN_BYTES) : ''
  const pieces = Math.ceil(tokens / (instructions.chunkTokens ?? DEFAULT_CHUNK_TOKENS))
  return [{ kind: 'thinking', text, tokens, shown, pieces, bytesBefore: 0 }]
}

interface BoundedText {
  readonly block: TextBlock
  readonly truncated: boolean
}

function textBlock(instructions: Instructions, limit: number): BoundedText {
  const whole = wholeText(instructions)
  const tokens = tokensOfBytes(Buffer.byteLength(whole))
  const truncated = tokens > limit
  const text = truncated ? Buffer.from(whole).toString('utf8', 0, limit * TOKEN_BYTES) : whole
  const kept = truncated ? limit : tokens
  const pieces = instructions.chunks ?? Math.ceil(kept / (instructions.chunkTokens ?? DEFAULT_CHUNK_TOKENS))
  return { block: { kind: 'text', text, pieces, bytesBefore: 0 }, truncated }
}

function wholeText(instructions: Instructions): string {
  const { say, answerBytes, tokens, chunks, chunkTokens } = instructions
  if (say !== undefined) return say
  if (answerBytes !== undefined) return textOfBytes(answerBytes)
  if (tokens !== undefined) return textOfBytes(tokens * TOKEN_BYTES)
  if (chunks === undefined) return textOfBytes(DEFAULT_TOKENS * TOKEN_BYTES)
  return textOfBytes(Math.min(chunks * (chunkTokens ?? DEFAULT_CHUNK_TOKENS), 1_000_000) * TOKEN_BYTES)
}

function toolBlocks(call: ToolCall, instructions: Instructions, id: string): readonly ToolBlock[] {
  const bytes = Buffer.byteLength(call.argumentsText)
  const fit = Math.ceil(tokensOfBytes(bytes) / (instructions.chunkTokens ?? DEFAULT_CHUNK_TOKENS))
  return Array.from({ length: instructions.toolCalls ?? 1 }, (_, index) => ({
    kind: 'tool' as const,
    name: call.name,
    custom: call.kind === 'custom',
    toolCallId: `${id}_${index}`,
    text: call.argumentsText,
    pieces: Math.max(2, fit),
    bytesBefore: index * bytes,
  }))
}
