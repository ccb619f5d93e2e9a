/** Whether the simulated model calls a tool, and with which arguments. */
import { isObject } from './sim-request.ts'
import type { Instructions } from './instructions.ts'
import type { SimRequest, ToolOffer } from './sim-request.ts'

export interface ToolCall {
  readonly name: string
  readonly kind: ToolOffer['kind']
  /** JSON text for a function, plain text for a custom tool. */
  readonly argumentsText: string
}

const ASKED_IN_TEXT = /\bcall tool ([\w.:-]+)\s*/i
const MAX_DEPTH = 8

/**
 * A tool is called when the request offers tools and either insists on one, or the conversation does not end with a
 * tool's result and the caller asked: `tool=NAME {json}` as instruction, or `call tool NAME {json}` in the last user
 * text. Without arguments, the smallest ones that fit the tool's schema are made.
 */
export function chooseToolCall(request: SimRequest, instructions: Instructions): ToolCall | undefined {
  if (request.tools.length === 0) return undefined
  const asked = request.answersTool
    ? undefined
    : (readAsked(instructions.tool) ?? findAsked(request.lastUserText))
  const name = asked?.name ?? request.forcedTool
  if (name === undefined) return undefined
  const offer = request.tools.find((tool) => tool.name === name)
  const kind = offer?.kind ?? 'function'
  const made = kind === 'custom' ? 'all you ask for' : JSON.stringify(exampleOf(offer?.schema, 0) ?? {})
  return { name, kind, argumentsText: asked?.argumentsText ?? made }
}

interface AskedTool {
  readonly name: string
  readonly argumentsText: string | undefined
}

function readAsked(text: string | undefined): AskedTool | undefined {
  if (text === undefined) return undefined
  const space = text.search(/\s/)
  if (space < 0) return { name: text, argumentsText: undefined }
  return { name: text.slice(0, space), argumentsText: leadingObject(text.slice(space).trimStart()) }
}

function findAsked(text: string): AskedTool | undefined {
  const match = ASKED_IN_TEXT.exec(text)
  if (match?.[1] === undefined) return undefined
  return { name: match[1], argumentsText: leadingObject(text.slice(match.index + match[0].length)) }
}

/** The JSON object that a text begins with, if it does. */
function leadingObject(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined
  for (let end = text.indexOf('}'); end >= 0 && end < 10_000; end = text.indexOf('}', end + 1)) {
    const candidate = text.slice(0, end + 1)
    if (isJson(candidate)) return candidate
  }
  return undefined
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The smallest value that fits a JSON schema of the plain kind. */
function exampleOf(schema: unknown, depth: number): unknown {
  if (!isObject(schema) || depth > MAX_DEPTH) return {}
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  if ('const' in schema) return schema['const']
  const type = Array.isArray(schema['type']) ? schema['type'][0] : schema['type']
  switch (type) {
    case 'string':
      return 'sim'
    case 'number':
    case 'integer':
      return 1
    case 'boolean':
      return true
    case 'array':
      return []
    case 'null':
      return null
    default:
      return exampleObject(schema, depth)
  }
}

function exampleObject(schema: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const properties = isObject(schema['properties']) ? schema['properties'] : {}
  const required = Array.isArray(schema['required']) ? schema['required'] : []
  const names = required.filter((name): name is string => typeof name === 'string')
  return Object.fromEntries(names.map((name) => [name, exampleOf(properties[name], depth + 1)]))
}
