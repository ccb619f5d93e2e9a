/**
 * When two requests of a dialect have the same answer, and which answers may be given a second time: what a cache of
 * answers has to know of an API.
 */
import type { DialectName } from './dialect.ts'
import type { JsonMembers } from './json-members.ts'
import { isSoundChatAnswer, isSoundMessage, isSoundResponse } from './sound-answer.ts'

export interface RepeatRules {
  /** Members that the answer does not depend on and does not repeat. */
  readonly idle: ReadonlySet<string>
  /** Members that tie a request to what the provider holds: its answer is good for this one time. */
  readonly stateful: readonly string[]
  /** Whether a finished answer, whole or as a stream, may be given again. */
  isSound(body: Buffer, isStream: boolean): boolean
}

const WHO_ASKS = ['user', 'safety_identifier', 'metadata', 'prompt_cache_key', 'prompt_cache_retention']

const CHAT: RepeatRules = { idle: new Set(WHO_ASKS), stateful: [], isSound: isSoundChatAnswer }

/** Undefined: answers are never repeated. */
export const REPEAT_RULES: Readonly<Record<DialectName, RepeatRules | undefined>> = {
  'openai-chat': CHAT,
  'openai-completions': CHAT,
  'openai-embeddings': { idle: new Set(WHO_ASKS), stateful: [], isSound: () => true },
  // A Response repeats `user`, `metadata` and their like to the client, so that they count here. A conversation grows
  // with each call, and an answer in the background is not there yet.
  'openai-responses': {
    idle: new Set(),
    stateful: ['conversation', 'background'],
    isSound: isSoundResponse,
  },
  'anthropic-messages': { idle: new Set(['metadata']), stateful: ['container'], isSound: isSoundMessage },
  'anthropic-count-tokens': undefined,
}

/** Whether a request has one of the members set: `null` and `false` stand for their absence. */
export function isStateful(rules: RepeatRules, members: JsonMembers): boolean {
  return rules.stateful.some((name) => {
    const value = members.value(name)
    return value !== undefined && value !== null && value !== false
  })
}
