/**
 * What a caller may ask of the simulator, and the one grammar for it: `name=value` pairs.
 *
 * The pairs stand in any of four places; where two say something of the same name, the earlier place wins:
 *
 * 1. request headers, one a pair: `x-sim-ttft: 200`
 * 2. the last user text: `[[sim ttft=200 chunks=100]]`
 * 3. the body member `metadata.sim`: `"ttft=200 chunks=100"`
 * 4. the model name, after a question mark: `sim/any?ttft=200&chunks=100`
 *
 * Pairs are separated by `&`, `,`, `;` or white space; values are percent-decoded, except those of headers.
 */

interface NumberRule {
  readonly field:
    | 'latencyMs'
    | 'firstTokenMs'
    | 'intervalMs'
    | 'holdMs'
    | 'retryAfterS'
    | 'chunks'
    | 'tokens'
    | 'chunkTokens'
    | 'answerBytes'
    | 'inputTokens'
    | 'cacheReadTokens'
    | 'cacheWrite5mTokens'
    | 'cacheWrite1hTokens'
    | 'reasoningTokens'
    | 'inputAudioTokens'
    | 'outputAudioTokens'
    | 'webSearchRequests'
    | 'toolCalls'
    | 'times'
  readonly min: number
  readonly max: number
}

const MAX_WAIT_MS = 600_000
const MAX_TOKENS = 10_000_000

const NUMBERS: ReadonlyMap<string, NumberRule> = new Map<string, NumberRule>([
  ['latency', { field: 'latencyMs', min: 0, max: MAX_WAIT_MS }],
  ['ttft', { field: 'firstTokenMs', min: 0, max: MAX_WAIT_MS }],
  ['interval', { field: 'intervalMs', min: 0, max: MAX_WAIT_MS }],
  ['hold', { field: 'holdMs', min: 0, max: MAX_WAIT_MS }],
  ['retry-after', { field: 'retryAfterS', min: 0, max: 86_400 }],
  ['chunks', { field: 'chunks', min: 1, max: 1_000_000 }],
  ['tokens', { field: 'tokens', min: 0, max: 1_000_000 }],
  ['chunk-tokens', { field: 'chunkTokens', min: 1, max: 1_000_000 }],
  ['bytes', { field: 'answerBytes', min: 0, max: 4_000_000 }],
  ['input', { field: 'inputTokens', min: 0, max: MAX_TOKENS }],
  ['cached', { field: 'cacheReadTokens', min: 0, max: MAX_TOKENS }],
  ['written', { field: 'cacheWrite5mTokens', min: 0, max: MAX_TOKENS }],
  ['written-1h', { field: 'cacheWrite1hTokens', min: 0, max: MAX_TOKENS }],
  ['reasoning', { field: 'reasoningTokens', min: 0, max: 1_000_000 }],
  ['audio-in', { field: 'inputAudioTokens', min: 0, max: MAX_TOKENS }],
  ['audio-out', { field: 'outputAudioTokens', min: 0, max: MAX_TOKENS }],
  ['searches', { field: 'webSearchRequests', min: 0, max: 10_000 }],
  ['calls', { field: 'toolCalls', min: 1, max: 16 }],
  ['times', { field: 'times', min: 1, max: 1_000_000 }],
])

/** Every name that the grammar knows. */
export const INSTRUCTION_NAMES: readonly string[] = [...NUMBERS.keys(), 'say', 'tier', 'tool', 'fault']

/** Faults that fall into an answer that has begun. */
const MID_ANSWER = ['cut', 'fin', 'stall', 'malformed', 'error'] as const
/** Faults in the place of an answer, besides plain HTTP statuses. */
const INSTEAD = ['reset', 'slow-headers', 'html', 'html502', 'no-credit', 'context-length'] as const

export type MidAnswerFault = (typeof MID_ANSWER)[number]
export type InsteadFault = (typeof INSTEAD)[number]

/**
 * After how many content chunks a fault falls (0: after the opening events), or `end`: after all content, before the
 * closing events; or `last`: before the very last event of the dialect, when usage was already told.
 */
export type FaultPlace = number | 'end' | 'last'

export type Fault =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'instead'; readonly name: InsteadFault }
  | { readonly kind: 'mid'; readonly name: MidAnswerFault; readonly at: FaultPlace }

type Numbers = { readonly [field in NumberRule['field']]?: number }

export interface Instructions extends Numbers {
  /** Text of the answer. */
  readonly say?: string
  /** Service tier that the usage names. */
  readonly tier?: string
  /** `NAME` or `NAME {json arguments}` of a tool to call. */
  readonly tool?: string
  readonly fault?: Fault
  /** `retry-after=off`: a 429 without the header. */
  readonly retryAfterOff?: boolean
}

export const NO_INSTRUCTIONS: Instructions = {}

/** An instruction that does not exist or has a value out of its bounds: answered with a 400 that says so. */
export class InstructionError extends Error {}

/**
 * Parses pairs.
 * @throws InstructionError naming the pair.
 */
export function parseInstructions(text: string): Instructions {
  let instructions: Instructions = NO_INSTRUCTIONS
  for (const pair of text.split(/[\s&;,]+/)) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    if (equals < 1) throw new InstructionError(`"${pair}" is not of the form name=value`)
    const value = decodeValue(pair.slice(equals + 1))
    instructions = { ...instructions, ...parseInstruction(pair.slice(0, equals), value) }
  }
  return instructions
}

/**
 * Parses one pair, its value already decoded.
 * @throws InstructionError naming the pair and what was expected.
 */
export function parseInstruction(name: string, value: string): Instructions {
  const rule = NUMBERS.get(name)
  if (name === 'retry-after' && value === 'off') return { retryAfterOff: true }
  if (rule !== undefined) return { [rule.field]: parseBounded(name, value, rule) }
  switch (name) {
    case 'say':
      return { say: value }
    case 'tier':
      return { tier: value }
    case 'tool':
      return { tool: value }
    case 'fault':
      return { fault: parseFault(value) }
    default:
      throw new InstructionError(`there is no instruction "${name}"`)
  }
}

/** Splits `sim/any?ttft=200` into the bare model name and its instructions. */
export function parseModelName(model: string): {
  readonly name: string
  readonly instructions: Instructions
} {
  const mark = model.indexOf('?')
  if (mark < 0) return { name: model, instructions: NO_INSTRUCTIONS }
  return { name: model.slice(0, mark), instructions: parseInstructions(model.slice(mark + 1)) }
}

/** Reads `[[sim …]]` out of a user's text. */
export function findInText(text: string): Instructions {
  const start = text.indexOf('[[sim ')
  if (start < 0) return NO_INSTRUCTIONS
  const end = text.indexOf(']]', start)
  return end < 0 ? NO_INSTRUCTIONS : parseInstructions(text.slice(start + 6, end))
}

function decodeValue(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw new InstructionError(`"${value}" is not percent-encoded rightly`)
  }
}

function parseBounded(name: string, value: string, rule: NumberRule): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
  if (number >= rule.min && number <= rule.max) return number
  throw new InstructionError(`${name}=${value}: expected a whole number from ${rule.min} to ${rule.max}`)
}

function parseFault(value: string): Fault {
  const [word = '', place] = value.split('@', 2)
  const mid = MID_ANSWER.find((name) => name === word)
  if (mid !== undefined) return { kind: 'mid', name: mid, at: parsePlace(place) }
  const instead = INSTEAD.find((name) => name === word)
  if (instead !== undefined && place === undefined) return { kind: 'instead', name: instead }
  if (/^[45]\d\d$/.test(value)) return { kind: 'status', status: Number(value) }
  const known = [...MID_ANSWER.map((name) => `${name}@N`), ...INSTEAD].join(', ')
  throw new InstructionError(`fault=${value}: expected one of ${known}, or a status from 400 to 599`)
}

function parsePlace(place: string | undefined): FaultPlace {
  if (place === undefined) return 1
  if (place === 'end' || place === 'last') return place
  if (/^\d{1,7}$/.test(place)) return Number(place)
  throw new InstructionError(`a fault falls @N, @end or @last, not @${place}`)
}
