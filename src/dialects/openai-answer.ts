/** Reads a whole answer of the OpenAI dialects other than Responses. */
import { readAnswerMembers } from './answer-members.ts'
import type { AnswerFacts } from './dialect.ts'
import { textOf } from './json-value.ts'
import { openAiUsage } from './openai-usage.ts'

export const NOT_AN_ANSWER: AnswerFacts = { usage: undefined, responseModel: undefined, isError: true }

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
