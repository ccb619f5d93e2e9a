/** The allow-list of headers on their way up. */
import { expect, test } from 'vitest'
import type { Deployment } from '../routing/deployment.ts'
import { sharedHeaders, upstreamHeaders } from './upstream-headers.ts'

/** Of a deployment only its own headers are read. */
const deployment = { headers: ['x-api-key', 'sk-provider', 'x-extra', '1'] } as unknown as Deployment

function headersOf(family: 'openai' | 'anthropic', client: Record<string, string>): Record<string, string> {
  const list = [...sharedHeaders(deployment, true), ...upstreamHeaders(family, client, 'call-1')]
  const headers: Record<string, string> = {}
  for (let index = 0; index < list.length; index += 2) headers[list[index] ?? ''] = list[index + 1] ?? ''
  return headers
}

const OWN = {
  'x-api-key': 'sk-provider',
  'x-extra': '1',
  'content-type': 'application/json',
  accept: 'text/event-stream',
  'accept-encoding': 'identity',
  'x-client-request-id': 'call-1',
}

test("nothing of the client's goes to an OpenAI host but openai-beta", () => {
  const client = {
    authorization: 'Bearer sk-caller',
    'anthropic-beta': 'a',
    'openai-organization': 'o',
    'openai-beta': 'b',
  }
  expect(headersOf('openai', client)).toEqual({ ...OWN, 'openai-beta': 'b' })
})

test('every anthropic-* header goes to Anthropic but the one for browsers', () => {
  const client = {
    'x-api-key': 'sk-caller',
    'anthropic-beta': 'a',
    'anthropic-new': 'n',
    'anthropic-dangerous-direct-browser-access': 'true',
  }
  expect(headersOf('anthropic', client)).toEqual({
    ...OWN,
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'a',
    'anthropic-new': 'n',
  })
})

test('what all requests to a deployment have is one list for whole answers and one for streams', () => {
  expect(sharedHeaders(deployment, true)).toBe(sharedHeaders(deployment, true))
  expect(sharedHeaders(deployment, false)).toBe(sharedHeaders(deployment, false))
  expect(sharedHeaders(deployment, false).slice(-4)).toEqual([
    'accept',
    'application/json',
    'accept-encoding',
    'identity',
  ])
})
