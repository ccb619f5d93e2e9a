/**
 * Headers of a request on its way up, built from an allow-list: the caller's credentials and everything the gateway
 * does not know stay behind. `anthropic-*` headers go through, as their values and the body's fields travel in pairs.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { DialectFamily } from '../dialects/dialect.ts'
import type { Deployment } from '../routing/deployment.ts'

const BLOCKED: ReadonlySet<string> = new Set(['anthropic-dangerous-direct-browser-access'])

/** What every request to a deployment has. */
interface SharedHeaders {
  readonly whole: readonly string[]
  readonly stream: readonly string[]
}

const known = new WeakMap<Deployment, SharedHeaders>()

/** What every request to a deployment has, as a flat list of names and values: the same list each time. */
export function sharedHeaders(deployment: Deployment, stream: boolean): readonly string[] {
  let lists = known.get(deployment)
  if (lists === undefined) {
    lists = {
      whole: listFor(deployment, 'application/json'),
      stream: listFor(deployment, 'text/event-stream'),
    }
    known.set(deployment, lists)
  }
  return stream ? lists.stream : lists.whole
}

function listFor(deployment: Deployment, accept: string): readonly string[] {
  return [
    ...deployment.headers,
    'content-type',
    'application/json',
    'accept',
    accept,
    // Answers are read for usage on their way through: compressed ones would have to be inflated first.
    'accept-encoding',
    'identity',
  ]
}

/**
 * What a request has beside that.
 *
 * @param tracing headers that tell of the trace.
 * @returns a flat list of names and values.
 */
export function upstreamHeaders(
  family: DialectFamily,
  client: IncomingHttpHeaders,
  callId: string,
  tracing: readonly string[] = [],
): string[] {
  const list = ['x-client-request-id', callId, ...tracing]
  appendClientHeaders(list, family, client)
  return list
}

/** The client's own headers that go to a provider of the family: the answer may depend on them. */
export function clientHeaders(family: DialectFamily, client: IncomingHttpHeaders): string[] {
  const list: string[] = []
  appendClientHeaders(list, family, client)
  return list
}

function appendClientHeaders(list: string[], family: DialectFamily, client: IncomingHttpHeaders): void {
  if (family === 'anthropic') appendAnthropic(list, client)
  else if (typeof client['openai-beta'] === 'string') list.push('openai-beta', client['openai-beta'])
}

function appendAnthropic(list: string[], client: IncomingHttpHeaders): void {
  let versioned = false
  for (const name in client) {
    if (!name.startsWith('anthropic-') || BLOCKED.has(name)) continue
    const value = client[name]
    if (typeof value !== 'string') continue
    if (name === 'anthropic-version') versioned = true
    list.push(name, value)
  }
  if (!versioned) list.push('anthropic-version', '2023-06-01')
}
