/**
 * Asks a deployment for a sign of life: an ordinary, smallest possible call through the gateway itself, with the key
 * of whoever asked, so that it is checked, metered and paid for like any other.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { DialectFamily } from '../dialects/dialect.ts'

export interface ProbedDeployment {
  readonly model_id: string
  readonly family: DialectFamily
  /** `model_info.mode`; undefined means chat. */
  readonly mode: string | undefined
}

/** Undefined when the deployment answered. */
export type ProbeFailure = string | undefined

const TIMEOUT_MS = 60_000

/** Headers that may carry the caller's key. */
const CREDENTIALS = ['authorization', 'x-litellm-api-key', 'x-api-key', 'api-key', 'x-goog-api-key']

const MESSAGES = [{ role: 'user', content: 'Are you there?' }]

/** @param gateway connections to this gateway's own listener. */
export async function probeDeployment(
  gateway: Dispatcher,
  rootPath: string,
  deployment: ProbedDeployment,
  caller: IncomingHttpHeaders,
): Promise<ProbeFailure> {
  const { path, body } = smallestCall(deployment)
  try {
    const answer = await gateway.request({
      method: 'POST',
      path: rootPath + path,
      headers: { ...credentialsOf(caller), 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, model: deployment.model_id }),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    })
    const text = await answer.body.text()
    return answer.statusCode < 300 ? undefined : `${answer.statusCode}: ${text.slice(0, 500)}`
  } catch (error) {
    return error instanceof Error ? error.message : 'no answer'
  }
}

function smallestCall({ family, mode }: ProbedDeployment): { path: string; body: Record<string, unknown> } {
  if (family === 'anthropic') return { path: '/v1/messages', body: { messages: MESSAGES, max_tokens: 5 } }
  if (mode === 'embedding') return { path: '/v1/embeddings', body: { input: 'Are you there?' } }
  if (mode === 'responses') return { path: '/v1/responses', body: { input: 'Are you there?' } }
  if (mode === 'completion')
    return { path: '/v1/completions', body: { prompt: 'Are you there?', max_tokens: 5 } }
  return { path: '/v1/chat/completions', body: { messages: MESSAGES, max_completion_tokens: 16 } }
}

function credentialsOf(caller: IncomingHttpHeaders): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of CREDENTIALS) {
    const value = caller[name]
    if (typeof value === 'string') headers[name] = value
  }
  return headers
}
