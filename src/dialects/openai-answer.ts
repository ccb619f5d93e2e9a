/** Reads a whole answer of the OpenAI dialects other than Responses. */
import { readAnswerMembers } from './answer-members.ts'
import type { AnswerFacts } from './dialect.ts'
import { textOf } from './json-value.ts'
import { openAiUsage } from './openai-usage.ts'

export const NOT_AN_ANSWER: AnswerFacts = { usage: undefined, responseModel: undefined, isError: true }

/** Names of members cannot stand within a text of the answer: their quotes would have a backslash before them. */
const FINISH_REASON = '"finish_reason"'

/** Of a larger answer only the end is searched; hosts that tell the reason first do not tell it here. */
const SEARCHED_BYTES = 65_536

/** An answer of one or more choices. */
export function readChoicesAnswer(body: Buffer): AnswerFacts {
  return { ...readOpenAiAnswer(body), finishReason: lastFinishReason(body) }
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
  if (members === undefined) {
    return NOT_AN_ANSWER
  }
  return {
    usage: openAiUsage(members.value('usage'), members.value('service_tier')),
    responseModel: textOf(members.value('model')),
    isError: (members.value('error') ?? null) !== null,
  }
}
