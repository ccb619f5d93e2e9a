/** What a provider's answer tells of its rate limits: the headers of OpenAI's kind, and those of Anthropic. */
import type { IncomingHttpHeaders } from 'node:http'
import type { ProviderQuota } from '../record/call-record.ts'

/** Undefined when the headers tell nothing. A number that is zero is told like any other. */
export function quotaOf(headers: IncomingHttpHeaders): ProviderQuota | undefined {
  const requests =
    headers['x-ratelimit-remaining-requests'] ?? headers['anthropic-ratelimit-requests-remaining']
  const tokens = headers['x-ratelimit-remaining-tokens'] ?? headers['anthropic-ratelimit-tokens-remaining']
  if (requests === undefined && tokens === undefined) return undefined
  return { requests: readCount(requests), tokens: readCount(tokens) }
}

function readCount(value: string | readonly string[] | undefined): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined
}
