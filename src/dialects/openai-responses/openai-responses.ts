/** OpenAI's Responses API. */
import { readAnswerMembers } from '../answer-members.ts'
import type { AnswerFacts, Dialect, MemberEdit, RequestFacts } from '../dialect.ts'
import { openAiMetadataEdits, removalsOf, removeGatewayMembers } from '../gateway-members.ts'
import type { JsonMembers } from '../json-members.ts'
import { requestFacts, readModel, readStream, readWholeNumber } from '../request-facts.ts'
import { writeOpenAiError, writeResponsesStreamError } from '../write-error.ts'
import { readResponse } from './read-response.ts'
import { ResponsesStreamTap } from './responses-stream.ts'

const REMOVALS = removalsOf('fallbacks')

export const OPENAI_RESPONSES: Dialect = {
  name: 'openai-responses',
  family: 'openai',
  unbilled: false,
  keepAlive: Buffer.from(': keep-alive\n\n'),
  readRequest,
  upstreamEdits,
  readAnswer: (body): AnswerFacts => readResponse(readAnswerMembers(body)),
  openStream: () => new ResponsesStreamTap(),
  writeError: (error) => writeOpenAiError(error),
  writeStreamError: writeResponsesStreamError,
}

/** Its streams always tell usage. */
function readRequest(members: JsonMembers, pathModel: string | undefined): RequestFacts {
  return requestFacts(members, {
    model: readModel(members, pathModel),
    stream: readStream(members),
    maxOutputTokens: readWholeNumber(members, 'max_output_tokens'),
    asksStreamUsage: true,
  })
}

function upstreamEdits(members: JsonMembers): readonly MemberEdit[] {
  return [...removeGatewayMembers(members, REMOVALS), ...openAiMetadataEdits(members)]
}
