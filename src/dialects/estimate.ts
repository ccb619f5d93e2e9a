/** Token counts by size, for where a provider has told none: visible as `estimated` wherever they are booked. */
import { NO_USAGE, type Usage } from './usage.ts'

/** English text in UTF-8 has about four bytes a token (https://platform.openai.com/tokenizer). */
const BYTES_PER_TOKEN = 4

/** Tokens in `bytes` of text: at least 1 when there is any. */
export function estimateTokens(bytes: number): number {
  return Math.ceil(Math.max(0, bytes) / BYTES_PER_TOKEN)
}

/** The usage of a call by the size of its request body and of its output text, both in bytes. */
export function estimatedUsage(inputBytes: number, outputBytes: number): Usage {
  return { ...NO_USAGE, inputTokens: estimateTokens(inputBytes), outputTokens: estimateTokens(outputBytes) }
}
