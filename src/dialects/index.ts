/** The door of the dialects: the table of them, and what the call path needs besides. */
import { ANTHROPIC_COUNT_TOKENS, ANTHROPIC_MESSAGES } from './anthropic-messages/anthropic-messages.ts'
import type { Dialect, DialectName } from './dialect.ts'
import { OPENAI_CHAT } from './openai-chat/openai-chat.ts'
import { OPENAI_COMPLETIONS } from './openai-completions/openai-completions.ts'
import { OPENAI_EMBEDDINGS } from './openai-embeddings/openai-embeddings.ts'
import { OPENAI_RESPONSES } from './openai-responses/openai-responses.ts'

export { estimatedUsage, estimateTokens } from './estimate.ts'
export { scanMembers } from './json-members.ts'
export { providerErrorFacts, wrapForeignError } from './provider-errors.ts'
export { spliceMembers } from './splice-members.ts'

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  'openai-chat': OPENAI_CHAT,
  'openai-completions': OPENAI_COMPLETIONS,
  'openai-embeddings': OPENAI_EMBEDDINGS,
  'openai-responses': OPENAI_RESPONSES,
  'anthropic-messages': ANTHROPIC_MESSAGES,
  'anthropic-count-tokens': ANTHROPIC_COUNT_TOKENS,
}
