/** OpenAI's embeddings: one answer, no stream. */
import type { AnswerFacts, Dialect, RequestFacts } from '../dialect.ts'
import { removalsOf, removeGatewayMembers } from '../gateway-members.ts'
import type { JsonMembers } from '../json-members.ts'
import { readOpenAiAnswer } from '../openai-answer.ts'
import { ChatStreamTap } from '../openai-chat/chat-stream.ts'
import { requestFacts, readModel } from '../request-facts.ts'
import { writeOpenAiError, writeOpenAiStreamError } from '../write-error.ts'

/** `metadata` is no member of this API: it is LiteLLM's. */
const REMOVALS = removalsOf('fallbacks', 'metadata')

export const OPENAI_EMBEDDINGS: Dialect = {
  name: 'openai-embeddings',
  family: 'openai',
  unbilled: false,
  keepAlive: Buffer.from(': keep-alive\n\n'),
  readRequest,
  upstreamEdits: (members) => removeGatewayMembers(members, REMOVALS),
  readAnswer: (body): AnswerFacts => readOpenAiAnswer(body),
  openStream: (facts) => new ChatStreamTap(facts, 'delta', 1),
  writeError: (error) => writeOpenAiError(error),
  writeStreamError: (error) => writeOpenAiStreamError(error),
}

function readRequest(members: JsonMembers, pathModel: string | undefined): RequestFacts {
  return requestFacts(members, {
    model: readModel(members, pathModel),
    stream: false,
    maxOutputTokens: undefined,
    asksStreamUsage: false,
  })
}
