/** Reads a Response object of OpenAI: the whole answer, or what the last event of a stream holds. */
import type { AnswerMembers } from '../answer-members.ts'
import type { AnswerFacts, StreamErrorFacts } from '../dialect.ts'
import { statusOfWords } from '../error-words.ts'
import { objectOf, textOf } from '../json-value.ts'
import { NOT_AN_ANSWER } from '../openai-answer.ts'
import { openAiUsage } from '../openai-usage.ts'
import type { Usage } from '../usage.ts'

export interface ResponseFacts extends AnswerFacts {
  /** Set when the response says that it failed. */
  readonly failure: StreamErrorFacts | undefined
}

/** Undefined members, where there is no response at all, are an error. */
export function readResponse(members: AnswerMembers | undefined): ResponseFacts {
  if (members === undefined) {
    return { ...NOT_AN_ANSWER, failure: undefined }
  }
  const failure = responseFailure(members.value('error'))
  return {
    usage: withWebSearches(openAiUsage(members.value('usage'), members.value('service_tier')), members),
    responseModel: textOf(members.value('model')),
    finishReason:
      textOf(members.object('incomplete_details')?.value('reason')) ?? textOf(members.value('status')),
    isError: failure !== undefined,
    failure,
  }
}

/** The `error` member of a response, or the data of an `error` event. */
export function responseFailure(value: unknown): StreamErrorFacts | undefined {
  const error = objectOf(value)
  if (error === undefined) {
    return undefined
  }
  const code = textOf(error['code'])
  const type = textOf(error['type'])
  return {
    type: code ?? type,
    message: textOf(error['message']) ?? 'The provider failed without a message.',
    status: statusOfWords(error['code'], type),
  }
}

/** OpenAI bills a web search by its call, which is an item of the output and not in the usage. */
function withWebSearches(usage: Usage | undefined, members: AnswerMembers): Usage | undefined {
  if (usage === undefined || !members.mayHold('output', 'web_search_call')) {
    return usage
  }
  const output: unknown = members.value('output')
  const searches = Array.isArray(output) ? output.filter(isWebSearch).length : 0
  return { ...usage, webSearchRequests: usage.webSearchRequests + searches }
}

/** Opening a page that was found is part of no search and is not billed. */
function isWebSearch(item: unknown): boolean {
  const call = objectOf(item)
  const action = objectOf(call?.['action'])
  return call?.['type'] === 'web_search_call' && (action === undefined || action['type'] === 'search')
}
