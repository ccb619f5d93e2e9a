import type { IncomingHttpHeaders } from 'node:http'
import { describe, expect, test } from 'vitest'
import { CALLER } from '../../test/ledger/calls.ts'
import { DIALECTS, scanMembers } from '../dialects/index.ts'
import type { CallStart } from '../record/call-record.ts'
import type { Arrival } from './arrival.ts'
import { callStart } from './call-start.ts'
import { knownClient } from './known-clients.ts'

/** The record of a chat call with these headers and members. */
function startOf(headers: IncomingHttpHeaders, members: Record<string, unknown> = {}): CallStart {
  const dialect = DIALECTS['openai-chat']
  const arrival = {
    endpoint: { dialect, callType: 'acompletion', route: '/v1/chat/completions' },
    exchange: { headers },
    callId: 'own-id',
    arrivedAtMs: 0,
  } as unknown as Arrival
  const body = Buffer.from(JSON.stringify({ model: 'gpt', messages: [], ...members }))
  return callStart(arrival, undefined, dialect.readRequest(scanMembers(body), undefined))
}

describe('the session of a call', () => {
  test.for<[headers: IncomingHttpHeaders, members: Record<string, unknown>, session: string | undefined]>([
    [{ 'x-litellm-session-id': 'a', 'x-litellm-trace-id': 'b' }, { litellm_session_id: 'c' }, 'a'],
    [{ 'x-litellm-trace-id': 'b', 'session-id': 'd' }, { metadata: { session_id: 'c' } }, 'b'],
    [{ 'x-claude-code-session-id': 'd' }, { metadata: { session_id: 'c' } }, 'c'],
    [{ 'x-claude-code-session-id': 'd', 'session-id': 'e' }, {}, 'd'],
    [{ 'session-id': 'e' }, {}, 'e'],
    [{}, {}, undefined],
  ])('of %j with %j is %s', ([headers, members, session]) => {
    expect(startOf(headers, members).sessionId).toBe(session)
  })
})

describe('what a client wants to find in the row of its call', () => {
  const metadata = { spend_logs_metadata: { project: 'body', team: 'red' } }

  test('comes from the body, and from the header, which wins', () => {
    expect(startOf({}, { metadata }).spendLogsMetadata).toEqual({ project: 'body', team: 'red' })
    const headers = { 'x-litellm-spend-logs-metadata': '{"project":"header"}' }
    expect(startOf(headers).spendLogsMetadata).toEqual({ project: 'header' })
    expect(startOf(headers, { metadata }).spendLogsMetadata).toEqual({ project: 'header', team: 'red' })
  })

  test.for(['no JSON', '[1]', '"text"', ''])(
    'is marked where the header is %j, and the call goes on',
    (text) => {
      expect(startOf({ 'x-litellm-spend-logs-metadata': text }).spendLogsMetadata).toEqual({
        unreadable: true,
      })
    },
  )

  test('holds its own id of the call, which never becomes the id that the call is booked by', () => {
    const start = startOf({ 'x-litellm-call-id': 'mine' }, { metadata })
    expect(start.callId).toBe('own-id')
    expect(start.spendLogsMetadata).toEqual({ project: 'body', team: 'red', litellm_call_id: 'mine' })
    expect(startOf({ 'x-litellm-call-id': 'x'.repeat(9_000) }).spendLogsMetadata).toEqual({
      litellm_call_id: 'x'.repeat(512),
    })
  })

  test('is nothing where nothing was sent', () => {
    expect(startOf({}).spendLogsMetadata).toBeUndefined()
  })
})

describe('a client that calls again', () => {
  const agent = { 'user-agent': 'sdk/1' }

  test('is the same one', () => {
    expect(startOf(agent).client).toBeDefined()
    expect(startOf(agent).client).toBe(startOf(agent, { stream: true }).client)
  })

  test.for<[headers: IncomingHttpHeaders, members: Record<string, unknown>]>([
    [{ 'user-agent': 'sdk/2' }, {}],
    [{ ...agent, 'session-id': 's' }, {}],
    [agent, { model: 'other' }],
    [agent, { user: 'u' }],
  ])('is another one with %j and %j', ([headers, members]) => {
    const before = startOf(agent).client
    expect(startOf(headers, members).client).not.toBe(before)
  })

  test('is another one for another caller', () => {
    const [one, other] = [{ ...CALLER }, { ...CALLER }]
    const facts = {
      requestedModel: 'm',
      endUser: undefined,
      sessionId: undefined,
      requesterIp: '1',
      userAgent: 'a',
    }
    expect(knownClient(one, facts)).not.toBe(knownClient(other, facts))
    expect(knownClient(one, facts)).toBe(knownClient(one, { ...facts }))
    expect(knownClient(one, { ...facts, requesterIp: '2' })).not.toBe(knownClient(other, facts))
  })
})
