/** OpenAI's chat completions. */
import type { AnswerFacts, Dialect, MemberEdit, RequestFacts } from '../dialect.ts'
import { openAiMetadataEdits, removalsOf, removeGatewayMembers } from '../gateway-members.ts'
import type { JsonMembers } from '../json-members.ts'
import { readChoicesAnswer } from '../openai-answer.ts'
import {
  readAsksStreamUsage,
  requestFacts,
  readModel,
  readStream,
  readWholeNumber,
} from '../request-facts.ts'
import { includeUsageEdit } from '../stream-usage.ts'
import { writeOpenAiError, writeOpenAiStreamError } from '../write-error.ts'
import { ChatStreamTap } from './chat-stream.ts'

const REMOVALS = removalsOf('fallbacks')

export const OPENAI_CHAT: Dialect = {
  name: 'openai-chat',
  family: 'openai',
  unbilled: false,
  keepAlive: Buffer.from(': keep-alive\n\n'),
  readRequest,
  upstreamEdits,
  readAnswer: (body): AnswerFacts => readChoicesAnswer(body),
  openStream: (facts) => new ChatStreamTap(facts, 'delta', facts.choiceCount ?? 1),
  writeError: (error) => writeOpenAiError(error),
  writeStreamError: (error) => writeOpenAiStreamError(error),
}

function readRequest(members: JsonMembers, pathModel: string | undefined): RequestFacts {
  return requestFacts(members, {
    model: readModel(members, pathModel),
    stream: readStream(members),
    maxOutputTokens: readWholeNumber(members, 'max_completion_tokens', 'max_tokens'),
    asksStreamUsage: readAsksStreamUsage(members),
    choiceCount: readWholeNumber(members, 'n'),
  })
}

function upstreamEdits(members: JsonMembers, facts: RequestFacts): readonly MemberEdit[] {
  return [
    ...removeGatewayMembers(members, REMOVALS),
    ...openAiMetadataEdits(members),
    ...includeUsageEdit(members, facts),
  ]
}
