/** Headers of an answer: which of the provider's go on to the client, and the gateway's own. Flat name, value lists. */
import type { IncomingHttpHeaders } from 'node:http'

/** How a provider's header goes on: by its own name, with LiteLLM's `llm_provider-` prefix, both, or not at all. */
interface Passage {
  readonly own: string | undefined
  readonly prefixed: string | undefined
}

const BLOCKED: Passage = { own: undefined, prefixed: undefined }

/** Exact names that clients read themselves (SDK retries, request ids in bug reports). */
const PASSED_NAMES: ReadonlySet<string> = new Set([
  'request-id',
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'openai-processing-ms',
  'openai-version',
])

const PASSED_PREFIXES: readonly string[] = ['anthropic-ratelimit-', 'anthropic-priority-', 'x-ratelimit-']

/** Begins the names of the key's own limits, in the words of OpenAI's headers. */
const OWN_LIMIT = 'x-ratelimit-limit-'

const passages = new Map<string, Passage>()

function passageOf(name: string): Passage {
  let passage = passages.get(name)
  if (passage === undefined) {
    const passed = PASSED_NAMES.has(name) || PASSED_PREFIXES.some((prefix) => name.startsWith(prefix))
    passage = passed ? { own: name, prefixed: `llm_provider-${name}` } : BLOCKED
    // A provider chooses its header names: the map must not grow with them.
    if (passages.size < 1_000) passages.set(name, passage)
  }
  return passage
}

/**
 * Appends the provider's headers that may go on. Control characters cannot occur: the HTTP parser refuses them.
 *
 * @param limited whether the list may hold limits of the caller's key: these are told instead of the provider's, which
 *   then go on with the prefix only.
 */
export function appendProviderHeaders(list: string[], headers: IncomingHttpHeaders, limited = false): void {
  const ownLimits = limited && list.some((name) => name.startsWith(OWN_LIMIT))
  for (const name in headers) {
    const passage = passageOf(name)
    if (passage.own === undefined) continue
    const value = headers[name]
    if (typeof value !== 'string') continue
    if (!ownLimits || !name.startsWith('x-ratelimit-')) list.push(passage.own, value)
    if (passage.prefixed !== undefined) list.push(passage.prefixed, value)
  }
}

export function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

/**
 * A value made of configured or client-given text, fit for a header: what HTTP does not allow there is percent-encoded.
 */
export function headerValue(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text)
}
