/** Prompt and answer of a call of LiteLLM's, in the form in which those of our own calls are kept. */
import { readContent, type ContentLimits } from '../spend/call-content.ts'
import type { CallContent } from '../storage/queries/call-contents.ts'
import { callKey } from './map-call.ts'
import type { SourceRow } from './source-row.ts'

/** Columns of the call log that hold them. */
export const CONTENT_COLUMNS = ['proxy_server_request', 'messages', 'response'] as const

/** @returns undefined for a call whose prompt and answer LiteLLM has not kept. */
export function contentOf(row: SourceRow, limits: ContentLimits): CallContent | undefined {
  const { proxy_server_request: request, messages, response } = row.members(CONTENT_COLUMNS)
  // The request holds the messages; older versions have kept these alone.
  const asked = request ?? (messages === undefined ? undefined : { messages })
  if (asked === undefined && response === undefined) return undefined
  const texts = readAtOnce(bytesOf(asked), bytesOf(response), limits)
  return { ...callKey(row), request: jsonOf(texts.request), response: jsonOf(texts.response) }
}

function readAtOnce(
  requestBody: Buffer | undefined,
  responseBody: Buffer | undefined,
  limits: ContentLimits,
) {
  const reading = readContent({ requestBody, responseBody, bytes: 0 }, limits)
  for (;;) {
    const step = reading.next()
    if (step.done === true) return step.value
  }
}

function bytesOf(value: unknown): Buffer | undefined {
  return value === undefined ? undefined : Buffer.from(JSON.stringify(value))
}

function jsonOf(text: string | undefined): unknown {
  return text === undefined ? null : JSON.parse(text)
}
