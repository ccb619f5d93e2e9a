/** Every dialect of the simulator, by the path (without `/v1`) that serves it. */
import { anthropicCountTokens, anthropicMessages } from './anthropic-messages.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiCompletions } from './openai-completions.ts'
import { openaiEmbeddings } from './openai-embeddings.ts'
import { openaiResponses } from './openai-responses.ts'
import type { Wire } from './wire.ts'

export const WIRES: ReadonlyMap<string, Wire> = new Map([
  ['/chat/completions', openaiChat],
  ['/completions', openaiCompletions],
  ['/embeddings', openaiEmbeddings],
  ['/responses', openaiResponses],
  ['/messages', anthropicMessages],
  ['/messages/count_tokens', anthropicCountTokens],
])
