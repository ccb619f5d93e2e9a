/** OpenAI's legacy text completions. */
import type { AnswerFacts, Dialect, MemberEdit, RequestFacts } from '../dialect.ts'
import { removalsOf, removeGatewayMembers } from '../gateway-members.ts'
import type { JsonMembers } from '../json-members.ts'
import { readChoicesAnswer } from '../openai-answer.ts'
import { ChatStreamTap } from '../openai-chat/chat-stream.ts'
import {
  readAsksStreamUsage,
  requestFacts,
  readModel,
  readStream,
  readWholeNumber,
} from '../request-facts.ts'
import { includeUsageEdit } from '../stream-usage.ts'
import { writeOpenAiError, writeOpenAiStreamError } from '../write-error.ts'

/** `metadata` is no member of this API: it is LiteLLM's. */
const REMOVALS = removalsOf('fallbacks', 'metadata')

export const OPENAI_COMPLETIONS: Dialect = {
  name: 'openai-completions',
  family: 'openai',
  unbilled: false,
  keepAlive: Buffer.from(': keep-alive\n\n'),
  readRequest,
  upstreamEdits,
  readAnswer: (body): AnswerFacts => readChoicesAnswer(body),
  openStream: (facts) => new ChatStreamTap(facts, 'text', facts.choiceCount),
  writeError: (error) => writeOpenAiError(error),
  writeStreamError: (error) => writeOpenAiStreamError(error),
}

function readRequest(members: JsonMembers, pathModel: string | undefined): RequestFacts {
  return requestFacts(members, {
    model: readModel(members, pathModel),
    stream: readStream(members),
    maxOutputTokens: readWholeNumber(members, 'max_tokens'),
    asksStreamUsage: readAsksStreamUsage(members),
    choiceCount: choiceCountOf(members),
  })
}

/** A list of prompts gives choices for each; how many is then left open. */
function choiceCountOf(members: JsonMembers): number | undefined {
  const prompt = members.get('prompt')
  const list = prompt !== undefined && members.body[prompt.valueStart] === 0x5b
  return list ? undefined : (readWholeNumber(members, 'n') ?? 1)
}

function upstreamEdits(members: JsonMembers, facts: RequestFacts): readonly MemberEdit[] {
  return [...removeGatewayMembers(members, REMOVALS), ...includeUsageEdit(members, facts)]
}
