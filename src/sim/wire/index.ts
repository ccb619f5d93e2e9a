/** Every dialect of the simulator, by the path (without `/v1`) that serves it. */
import { anthropicCountTokens, anthropicMessages } from './anthropic-messages.ts'
import { openaiChat } from './openai-chat.ts'
import type { Wire } from './wire.ts'

export const WIRES: ReadonlyMap<string, Wire> = new Map([
  ['/chat/completions', openaiChat],
  ['/messages', anthropicMessages],
  ['/messages/count_tokens', anthropicCountTokens],
])
