/** What the request bodies of the OpenAI dialects have in common. */
import { findInText, parseInstructions, parseModelName } from '../instructions.ts'
import { BadRequestError, isObject, numberOf, objectsOf, promptBytesOf, stringOf } from '../sim-request.ts'
import type { Instructions } from '../instructions.ts'
import type { JsonObject, PromptSegment, SimRequest, ToolOffer } from '../sim-request.ts'

/** What one OpenAI dialect reads in its own way; everything else has a default. */
export interface OpenaiParts {
  readonly segments: readonly PromptSegment[]
  readonly lastUserText?: string
  readonly tools?: readonly ToolOffer[]
  readonly answersTool?: boolean
  readonly thinking?: SimRequest['thinking']
  readonly maxOutputTokens?: number | undefined
  readonly hasAudio?: boolean
  readonly embedding?: SimRequest['embedding']
}

/** @throws BadRequestError when `model` is missing. */
export function openaiRequest(body: JsonObject, parts: OpenaiParts): SimRequest {
  const model = stringOf(body['model'])
  if (model === undefined || model === '') {
    throw new BadRequestError('you must provide a model parameter', 'model')
  }
  const { name, instructions } = parseModelName(model)
  const lastUserText = parts.lastUserText ?? ''
  const tools = body['tool_choice'] === 'none' ? [] : (parts.tools ?? [])
  const options = isObject(body['stream_options']) ? body['stream_options'] : {}
  return {
    model: name,
    stream: body['stream'] === true,
    includeUsage: options['include_usage'] === true,
    maxOutputTokens: parts.maxOutputTokens,
    segments: parts.segments,
    promptBytes: promptBytesOf(parts.segments),
    cacheRules: parts.embedding === undefined ? 'implicit' : 'none',
    lastUserText,
    tools,
    forcedTool: forcedTool(body['tool_choice'], tools),
    answersTool: parts.answersTool ?? false,
    thinking: parts.thinking ?? 'hidden',
    hasAudio: parts.hasAudio ?? false,
    serviceTier: tierOf(body['service_tier']),
    embedding: parts.embedding,
    instructions: { ...instructions, ...metadataInstructions(body['metadata']), ...findInText(lastUserText) },
  }
}

/** Instructions in `metadata.sim`, in either family. */
export function metadataInstructions(metadata: unknown): Instructions {
  const text = isObject(metadata) ? stringOf(metadata['sim']) : undefined
  return text === undefined ? {} : parseInstructions(text)
}

/** Text of a message's content: a string, or parts of which those without text count with their JSON. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  return objectsOf(content)
    .map((part) => stringOf(part['text']) ?? JSON.stringify(part))
    .join('')
}

/** The last text part of a message's content. */
export function lastText(content: unknown): string | undefined {
  if (typeof content === 'string') return content
  return stringOf(objectsOf(content).findLast((part) => typeof part['text'] === 'string')?.['text'])
}

/** @throws BadRequestError when the bound is not a positive number. */
export function outputBound(body: JsonObject, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = body[name]
    if (value === undefined || value === null) continue
    const bound = numberOf(value)
    if (bound === undefined || bound < 1) throw new BadRequestError(`${name} must be at least 1`, name)
    return Math.floor(bound)
  }
  return undefined
}

function forcedTool(choice: unknown, tools: readonly ToolOffer[]): string | undefined {
  if (choice === 'required') return tools[0]?.name
  if (!isObject(choice)) return undefined
  const named = [choice['function'], choice['custom'], choice].find(
    (object) => isObject(object) && typeof object['name'] === 'string',
  )
  return isObject(named) ? stringOf(named['name']) : undefined
}

function tierOf(tier: unknown): string {
  return typeof tier === 'string' && tier !== 'auto' ? tier : 'default'
}
