import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cachedDeployment, keyedRequest, requestOf } from '../../test/cache/requests.ts'
import type { DialectName } from '../dialects/dialect.ts'
import { REPEAT_RULES, type RepeatRules } from '../dialects/repeat-rules.ts'
import type { CallerFacts } from '../record/call-record.ts'
import type { CacheScope } from '../config/response-cache.ts'
import { cacheKey, type KeyedRequest } from './cache-key.ts'

function keyOf(request: KeyedRequest, scope: CacheScope = 'team', namespace = ''): string {
  const rules: RepeatRules | undefined = REPEAT_RULES[request.dialect.name]
  if (rules === undefined) throw new Error('this dialect is not cached')
  return cacheKey(request, rules, scope, namespace)
}

const chatKey = (body: object, changes: Partial<KeyedRequest> = {}): string =>
  keyOf(keyedRequest('openai-chat', body, changes))

const CHAT = { model: 'gpt', messages: [{ role: 'user', content: 'Hi' }] }

describe('the answer’s name', () => {
  test('is 64 lowercase hexadecimal digits, and the same for the same request', () => {
    expect(chatKey(CHAT)).toMatch(/^[0-9a-f]{64}$/)
    expect(chatKey(CHAT)).toBe(chatKey({ ...CHAT }))
  })

  test('does not depend on the order of members, nor on the name by which the group is called', () => {
    expect(chatKey({ messages: CHAT.messages, temperature: 1, model: 'nickname' })).toBe(
      chatKey({ ...CHAT, temperature: 1 }),
    )
  })

  test.each([
    { user: 'somebody' },
    { metadata: { trace: '1' } },
    { metadata: { tags: ['x'] } },
    { cache: { ttl: 5 } },
    { stream: false },
    { litellm_session_id: 's' },
    { tags: ['x'] },
    { timeout: 5 },
    { prompt_cache_key: 'k' },
  ])('does not depend on what leaves the answer as it is: %j', (more) => {
    expect(chatKey({ ...CHAT, ...more })).toBe(chatKey(CHAT))
  })

  test.each([
    { temperature: 0 },
    { messages: [{ role: 'user', content: 'Hi ' }] },
    { tools: [] },
    { seed: 1 },
    { n: 2 },
    { stream: true },
    { response_format: { type: 'json_object' } },
    { a_member_of_tomorrow: 1 },
  ])('depends on what the answer depends on: %j', (more) => {
    expect(chatKey({ ...CHAT, ...more })).not.toBe(chatKey(CHAT))
  })

  test('of a Response depends on the members that it repeats to the client', () => {
    const responseKey = (body: object): string => keyOf(keyedRequest('openai-responses', body))
    const asked = { model: 'gpt', input: 'Hi' }
    expect(responseKey({ ...asked, user: 'a' })).not.toBe(responseKey({ ...asked, user: 'b' }))
    expect(responseKey({ ...asked, tags: ['a'] })).toBe(responseKey({ ...asked, tags: ['b'] }))
  })

  test('of a stream depends on whether the client asked for usage', () => {
    const stream = { ...CHAT, stream: true }
    expect(chatKey({ ...stream, stream_options: { include_usage: true } })).not.toBe(chatKey(stream))
  })

  test('depends on dialect, group, what is behind the group, headers, query and namespace', () => {
    const other = cachedDeployment({ litellmModel: 'openai/other' })
    const keys = [
      chatKey(CHAT),
      keyOf(keyedRequest('openai-completions', CHAT)),
      chatKey(CHAT, { group: { name: 'other', deployments: [cachedDeployment()] } }),
      chatKey(CHAT, { group: { name: 'gpt', deployments: [other] } }),
      chatKey(CHAT, {
        group: { name: 'gpt', deployments: [{ ...cachedDeployment(), defaults: [['temperature', '0']] }] },
      }),
      chatKey(CHAT, { headers: ['openai-beta', 'x'] }),
      chatKey(CHAT, { query: '?beta=true' }),
      keyOf(keyedRequest('openai-chat', CHAT), 'team', 'mine'),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })

  test('stays when another deployment of the same model joins the group', () => {
    const joined = [cachedDeployment(), cachedDeployment({ modelId: 'second', apiBase: 'https://eu' })]
    expect(chatKey(CHAT, { group: { name: 'gpt', deployments: joined } })).toBe(chatKey(CHAT))
  })
})

const NAMES: readonly DialectName[] = ['openai-chat', 'openai-embeddings', 'anthropic-messages']

/** Members whose values may run into each other, were they not told apart. */
const members = fc.dictionary(
  fc.constantFrom('messages', 'input', 'temperature', 'stop', 'a', 'ab', '"', '1'),
  fc.oneof(
    fc.integer({ min: 0, max: 3 }),
    fc.string({ maxLength: 3 }),
    fc.constantFrom(null, [], {}, [1, 1]),
  ),
)

test('requests that differ in a member that counts never share a name', () => {
  fc.assert(
    fc.property(fc.constantFrom(...NAMES), members, members, (dialect, left, right) => {
      const bodies = [left, right].map((body) => ({ ...body, model: 'gpt' }))
      const [one, two] = bodies.map((body) => keyOf(keyedRequest(dialect, body)))
      const canonical = bodies.map((body) =>
        JSON.stringify(Object.entries(body).toSorted(([a], [b]) => (a < b ? -1 : 1))),
      )
      expect(one === two).toBe(canonical[0] === canonical[1])
    }),
  )
})

test('bytes that move from one member to the next make another name', () => {
  const raw = (text: string): string =>
    keyOf({ ...keyedRequest('openai-chat', CHAT), ...requestOf('openai-chat', text) })
  expect(raw('{"model":"gpt","a":[1],"b":[2,3]}')).not.toBe(raw('{"model":"gpt","a":[1,2],"b":[3]}'))
  expect(raw('{"model":"gpt","a":12,"b":3}')).not.toBe(raw('{"model":"gpt","a":1,"b":23}'))
})

describe('tenants', () => {
  const id = fc.option(fc.constantFrom('1', '2', 'a'), { nil: undefined })
  const caller: fc.Arbitrary<CallerFacts> = fc.record({
    keyHash: fc.constantFrom('1', '2', 'a'),
    keyAlias: id,
    userId: id,
    userEmail: id,
    teamId: id,
    teamAlias: id,
    organizationId: id,
  })

  test('one never gets the name of another’s answer, whatever both ask', () => {
    fc.assert(
      fc.property(caller, caller, (left, right) => {
        const same =
          left.teamId === undefined && right.teamId === undefined
            ? left.userId === undefined && right.userId === undefined
              ? left.keyHash === right.keyHash
              : left.userId === right.userId
            : left.teamId === right.teamId
        expect(chatKey(CHAT, { caller: left }) === chatKey(CHAT, { caller: right })).toBe(same)
      }),
    )
  })

  test('each scope is as wide as it says', () => {
    const first = { ...NOBODY, keyHash: 'k1', userId: 'u', teamId: 't1', organizationId: 'o' }
    const second = { ...NOBODY, keyHash: 'k2', userId: 'u', teamId: 't1', organizationId: 'o' }
    const third = { ...NOBODY, keyHash: 'k3', userId: 'u', teamId: 't2', organizationId: 'o' }
    const fourth = { ...NOBODY, keyHash: 'k4' }
    const distinct = (scope: CacheScope): number =>
      new Set(
        [first, second, third, fourth].map((each) =>
          keyOf(keyedRequest('openai-chat', CHAT, { caller: each }), scope),
        ),
      ).size
    expect({
      key: distinct('key'),
      team: distinct('team'),
      organization: distinct('organization'),
      all: distinct('all'),
    }).toEqual({ key: 4, team: 3, organization: 2, all: 1 })
  })
})

const NOBODY: CallerFacts = {
  keyHash: '',
  keyAlias: undefined,
  userId: undefined,
  userEmail: undefined,
  teamId: undefined,
  teamAlias: undefined,
  organizationId: undefined,
}
