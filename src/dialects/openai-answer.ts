/** Reads a whole answer of the OpenAI dialects other than Responses. */
import { readAnswerMembers, SMALL_BYTES, type AnswerMembers } from './answer-members.ts'
import type { AnswerFacts } from './dialect.ts'
import { objectOf, textOf } from './json-value.ts'
import { openAiUsage } from './openai-usage.ts'

export const NOT_AN_ANSWER: AnswerFacts = { usage: undefined, responseModel: undefined, isError: true }

/** Names of members cannot stand within a text of the answer: their quotes would have a backslash before them. */
const FINISH_REASON = '"finish_reason"'

/** Of a large answer only the end is searched; hosts that tell the reason first do not tell it here. */
const SEARCHED_BYTES = 65_536

/** A reason is one word. */
const REASON = /^\w{1,40}$/

/** An answer of one or more choices. */
export function readChoicesAnswer(body: Buffer): AnswerFacts {
  const members = readAnswerMembers(body)
  if (members === undefined) return NOT_AN_ANSWER
  return factsOf(members, body.length > SMALL_BYTES ? lastFinishReason(body) : finishReasonOf(members))
}

/** Of the last choice that tells one. */
function finishReasonOf(members: AnswerMembers): string | undefined {
  const choices = members.value('choices')
  if (!Array.isArray(choices)) return undefined
  for (let index = choices.length - 1; index >= 0; index -= 1) {
    const reason = objectOf(choices[index])?.['finish_reason']
    if (typeof reason === 'string' && REASON.test(reason)) return reason
  }
  return undefined
}

function lastFinishReason(body: Buffer): string | undefined {
  const end = body.length > SEARCHED_BYTES ? body.subarray(-SEARCHED_BYTES) : body
  const at = end.lastIndexOf(FINISH_REASON)
  if (at < 0) return undefined
  const valueStart = at + FINISH_REASON.length
  return /^\s*:\s*"(\w{1,40})"/.exec(end.toString('latin1', valueStart, valueStart + 64))?.[1]
}

/** A body that is no JSON object is an error, as is one with an `error` member. */
export function readOpenAiAnswer(body: Buffer): AnswerFacts {
  const members = readAnswerMembers(body)
  return members === undefined ? NOT_AN_ANSWER : factsOf(members, undefined)
}

function factsOf(members: AnswerMembers, finishReason: string | undefined): AnswerFacts {
  return {
    usage: openAiUsage(members.value('usage'), members.value('service_tier')),
    responseModel: textOf(members.value('model')),
    isError: (members.value('error') ?? null) !== null,
    finishReason,
  }
}
