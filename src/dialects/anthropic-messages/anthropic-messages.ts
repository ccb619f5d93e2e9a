/** Anthropic's Messages API, and its free token counting. */
import { readAnswerMembers } from '../answer-members.ts'
import { anthropicUsage } from '../anthropic-usage.ts'
import type { AnswerFacts, Dialect, MemberEdit, RequestFacts } from '../dialect.ts'
import { anthropicMetadataEdits, removalsOf, removeGatewayMembers } from '../gateway-members.ts'
import type { JsonMembers } from '../json-members.ts'
import { textOf } from '../json-value.ts'
import { NOT_AN_ANSWER } from '../openai-answer.ts'
import { requestFacts, readModel, readStream, readWholeNumber } from '../request-facts.ts'
import { writeAnthropicError, writeAnthropicStreamError } from '../write-error.ts'
import { MessagesStreamTap } from './messages-stream.ts'

/** OpenAI's members for the end user are read by the gateway; this API has `metadata.user_id` for it. */
const REMOVALS = removalsOf('user', 'safety_identifier')

export const ANTHROPIC_MESSAGES: Dialect = {
  name: 'anthropic-messages',
  family: 'anthropic',
  unbilled: false,
  keepAlive: Buffer.from('event: ping\ndata: {"type": "ping"}\n\n'),
  readRequest,
  upstreamEdits,
  readAnswer,
  openStream: () => new MessagesStreamTap(),
  writeError: writeAnthropicError,
  writeStreamError: writeAnthropicStreamError,
}

export const ANTHROPIC_COUNT_TOKENS: Dialect = {
  ...ANTHROPIC_MESSAGES,
  name: 'anthropic-count-tokens',
  unbilled: true,
  readRequest: (members, pathModel) => ({ ...readRequest(members, pathModel), stream: false }),
  readAnswer: (body) => ({ ...readAnswer(body), usage: undefined }),
}

/** Its streams always tell usage. */
function readRequest(members: JsonMembers, pathModel: string | undefined): RequestFacts {
  return requestFacts(members, {
    model: readModel(members, pathModel),
    stream: readStream(members),
    maxOutputTokens: readWholeNumber(members, 'max_tokens'),
    asksStreamUsage: true,
  })
}

function upstreamEdits(members: JsonMembers): readonly MemberEdit[] {
  return [...removeGatewayMembers(members, REMOVALS), ...anthropicMetadataEdits(members)]
}

function readAnswer(body: Buffer): AnswerFacts {
  const members = readAnswerMembers(body)
  if (members === undefined) {
    return NOT_AN_ANSWER
  }
  return {
    usage: anthropicUsage(members.value('usage')),
    responseModel: textOf(members.value('model')),
    finishReason: textOf(members.value('stop_reason')),
    isError: members.value('type') === 'error',
  }
}
