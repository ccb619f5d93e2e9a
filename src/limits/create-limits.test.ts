/** What a call path meets at its limits, with either store. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectTo } from '../../test/limits/redis-client.ts'
import {
  FREE,
  LOCAL_ON_LOSS,
  requestOf,
  scopeOf,
  spend,
  told,
  TOKEN_PRICE,
} from '../../test/limits/sample-limits.ts'
import { startRedis, type TestRedis } from '../../test/redis.ts'
import { NO_USAGE } from '../dialects/usage.ts'
import { picodollars, ZERO, type Picodollars } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import type { OpenRedis } from '../redis/open-redis.ts'
import { createLimits, type ConfigurableLimits } from './create-limits.ts'
import { LimitError, type AdmissionRequest, type Reservation } from './limits.ts'

let server: TestRedis
let redis: OpenRedis

beforeAll(async () => {
  server = await startRedis()
  redis = await connectTo(server.port)
})
afterAll(async () => {
  await redis.close()
  await server[Symbol.asyncDispose]()
})

const usd = (dollars: number): Picodollars => picodollars(BigInt(dollars) * 10n ** 12n)

async function refusalOf(admission: () => Reservation | Promise<Reservation>): Promise<LimitError> {
  const outcome: unknown = await Promise.resolve()
    .then(admission)
    .catch((error: unknown) => error)
  if (!(outcome instanceof LimitError)) throw new Error(`not refused by a limit: ${String(outcome)}`)
  return outcome
}

function headersOf(reservation: Reservation): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let index = 0; index < reservation.headers.length; index += 2)
    headers[reservation.headers[index]!] = reservation.headers[index + 1]!
  return headers
}

describe.each(['this process', 'Redis'])('limits kept in %s', (place) => {
  let limits: ConfigurableLimits
  let events: string[]
  let nowMs = 0

  const admit = (scopes: readonly Scope[], more: Partial<AdmissionRequest> = {}) =>
    limits.admit(requestOf(scopes, more))

  beforeEach(async () => {
    await redis.deleteByPrefix('')
    nowMs = Date.UTC(2026, 0, 5, 10)
    const { observer, events: list } = told()
    events = list
    limits = createLimits({
      redis: place === 'Redis' ? redis : undefined,
      settings: LOCAL_ON_LOSS,
      clock: () => (place === 'Redis' ? Date.now() : nowMs),
      observer,
    })
    return () => limits.close()
  })

  test('a key at its requests a minute is refused, with the limit and when it resets', async () => {
    const key = scopeOf({ requestsPerMinute: 2 })
    for (let call = 0; call < 2; call += 1) (await admit([key])).settle(10, ZERO)
    const error = await refusalOf(() => admit([key]))
    expect(error).toMatchObject({ status: 429, code: 'rate_limited', scopeKind: 'key' })
    expect(error.retryAfterSeconds).toBeGreaterThan(58)
    expect(error.retryAfterSeconds).toBeLessThanOrEqual(60)
    expect(error.message).toMatch(
      /^Rate limit exceeded for api_key: sk-\.\.\.1234\. Limit type: requests\. Current limit: 2, Current use: 2, Remaining: 0\. Limit resets at: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/,
    )
    expect(error.headers).toMatchObject({ rate_limit_type: 'requests' })
    expect(error.message).toContain(error.headers?.['reset_at'])
    expect(events).toEqual([
      ...(place === 'Redis' ? ['shared', 'shared'] : ['local', 'local']),
      'key requests',
    ])
  })

  test('tokens are reserved by the estimate and settled to the truth', async () => {
    const key = scopeOf({ tokensPerMinute: 1_000 })
    const large = await admit([key], { inputTokens: 990, maxOutputTokens: 20 })
    expect((await refusalOf(() => admit([key]))).headers).toMatchObject({ rate_limit_type: 'tokens' })
    large.settle(300, ZERO)
    const next = await admit([key], { inputTokens: 50, maxOutputTokens: 0 })
    expect(headersOf(next)['x-ratelimit-remaining-tokens']).toBe('650')
    next.settle(950, ZERO)
    expect((await refusalOf(() => admit([key]))).message).toContain('Current use: 1250')
  })

  test.each([
    { countedTokens: 'input', reserved: 10, used: 800 },
    { countedTokens: 'output', reserved: 20, used: 1 },
  ] as const)('of a call only its $countedTokens counts where that is asked for', async (counted) => {
    const { countedTokens, reserved, used } = counted
    limits.configure({ ...LOCAL_ON_LOSS, countedTokens })
    const usage = { ...NO_USAGE, inputTokens: 300, cacheReadTokens: 500, reasoningTokens: 1 }
    expect(limits.tokensOf(usage)).toBe(used)
    const key = scopeOf({ tokensPerMinute: 1_000 })
    const call = await admit([key], { inputTokens: 10, maxOutputTokens: 20 })
    expect(headersOf(call)['x-ratelimit-remaining-tokens']).toBe(String(1_000 - reserved))
    call.settle(limits.tokensOf(usage), ZERO)
    const next = headersOf(await admit([key], { inputTokens: 0, maxOutputTokens: 0 }))
    expect(next['x-ratelimit-remaining-tokens']).toBe(String(1_000 - used))
  })

  test('as many calls run at once as are allowed, and no more', async () => {
    const key = scopeOf({ parallelRequests: 3 })
    const held = await Promise.all([admit([key]), admit([key]), admit([key])])
    const error = await refusalOf(() => admit([key]))
    expect(error).toMatchObject({ retryAfterSeconds: 1, code: 'rate_limited' })
    expect(error.headers).toMatchObject({ rate_limit_type: 'max_parallel_requests' })
    held[0]!.settle(10, ZERO)
    held[0]!.settle(10, ZERO)
    await admit([key])
    await refusalOf(() => admit([key]))
  })

  test('a budget that is spent refuses, and says when it begins anew', async () => {
    const key = scopeOf({ maxBudget: usd(5), resetsAtMs: Date.UTC(2026, 1, 1) })
    const call = await admit([key])
    spend([key], usd(5))
    call.settle(10, usd(5))
    const error = await refusalOf(() => admit([key]))
    expect(error).toMatchObject({ status: 429, code: 'budget_exceeded', retryAfterSeconds: undefined })
    expect(error.kind.retryable).toBe(false)
    expect(error.message).toBe(
      'Budget has been exceeded! Key=sk-...1234. Current cost: 5, Max budget: 5. ' +
        'The budget begins anew at 2026-02-01T00:00:00.000Z.',
    )
  })

  test('a new window admits at once, and counts from zero', async () => {
    const windows = { current: 'january' }
    const key: Scope = {
      ...scopeOf({ maxBudget: usd(5), spent: usd(9) }),
      get budgetWindow() {
        return windows.current
      },
    }
    await refusalOf(() => admit([key]))
    windows.current = 'february'
    key.spent = ZERO
    const call = await admit([key])
    spend([key], usd(2))
    call.settle(10, usd(2))
    await admit([key])
    expect(key.spent).toBe(usd(2))
  })

  test('a call that ends in the next window costs the next window', async () => {
    const windows = { current: 'january' }
    const key: Scope = {
      ...scopeOf({ maxBudget: usd(5) }),
      get budgetWindow() {
        return windows.current
      },
    }
    const call = await admit([key])
    windows.current = 'february'
    key.spent = usd(5)
    call.settle(10, usd(5))
    expect((await refusalOf(() => admit([key]))).code).toBe('budget_exceeded')
    windows.current = 'january'
    key.spent = ZERO
    await admit([key])
    expect(key.spent).toBe(ZERO)
  })

  test('a budget whose rest is reserved refuses for now, and the client may try again', async () => {
    const key = scopeOf({ maxBudget: picodollars(100n) })
    const call = await admit([key], { maxOutputTokens: 200 })
    const error = await refusalOf(() => admit([key]))
    expect(error).toMatchObject({ status: 429, code: 'budget_reserved', retryAfterSeconds: 1 })
    expect(error.kind.retryable).toBe(true)
    expect(error.message).toContain('reserved by calls under way: 0.000000000138')
    call.settle(1, picodollars(1n))
    await admit([key])
  })

  test('nothing of a budget is reserved where that is switched off: what has ended decides', async () => {
    limits.configure({ ...LOCAL_ON_LOSS, reservesBudgets: false })
    const key = scopeOf({ maxBudget: picodollars(100n) })
    const calls = [await admit([key]), await admit([key]), await admit([key])]
    spend([key], 100n)
    calls[0]?.settle(100, picodollars(100n))
    expect((await refusalOf(() => admit([key]))).code).toBe('budget_exceeded')
  })

  test('a thousand calls with huge max_tokens on a half-used budget are all admitted', async () => {
    const key = scopeOf({ maxBudget: picodollars(400_000n), spent: picodollars(200_000n) })
    for (let call = 0; call < 16; call += 1) limits.learn('a-model', 100)
    const admitted = await Promise.all(
      Array.from({ length: 1_000 }, async () => admit([key], { maxOutputTokens: 1_000_000 })),
    )
    expect(admitted).toHaveLength(1_000)
  })

  test('a refusal by one scope counts for none', async () => {
    const team = scopeOf({ kind: 'team', id: 'a-team', requestsPerMinute: 2, maxBudget: picodollars(1_000n) })
    const blocked = scopeOf({ requestsPerMinute: 0 })
    for (let call = 0; call < 5; call += 1) await refusalOf(() => admit([team, blocked]))
    const call = await admit([team])
    expect(headersOf(call)['x-ratelimit-team-remaining-requests']).toBe('1')
  })

  test('a call that leaves its deployment gives back what it holds there, and nothing else', async () => {
    const key = scopeOf({ parallelRequests: 1, tokensPerMinute: 500 })
    const deployment = scopeOf({
      kind: 'deployment',
      id: 'd1',
      parallelRequests: 1,
      tokensPerMinute: 100,
      maxBudget: picodollars(10n),
    })
    const call = await admit([key, deployment])
    call.leaveDeployment()
    const other = await admit([deployment])
    expect(await refusalOf(() => admit([key]))).toMatchObject({ scopeKind: 'key' })
    call.settle(40, ZERO)
    expect(await refusalOf(() => admit([deployment]))).toMatchObject({ scopeKind: 'deployment' })
    other.settle(0, ZERO)
    const next = await admit([key])
    expect(headersOf(next)['x-ratelimit-remaining-tokens']).toBe(String(500 - 40 - 138))
  })

  test('a refusal by a provider names the crossed budget', async () => {
    const provider = scopeOf({ kind: 'provider', id: 'openai', label: 'openai', maxBudget: ZERO })
    const error = await refusalOf(() => admit([provider]))
    expect(error.scopeKind).toBe('provider')
    expect(error.message).toMatch(/^No deployments available - crossed budget: Provider=openai\./)
  })

  test('a model that costs nothing can be called with no money left, within its rates', async () => {
    const key = scopeOf({ maxBudget: ZERO, requestsPerMinute: 1 })
    expect((await refusalOf(() => admit([key]))).code).toBe('budget_exceeded')
    await admit([key], { price: FREE })
    expect((await refusalOf(() => admit([key], { price: FREE }))).code).toBe('rate_limited')
    expect(await admit([scopeOf({ maxBudget: ZERO })], { price: undefined })).toMatchObject({ headers: [] })
  })

  test('a limit of zero refuses every call', async () => {
    for (const limit of ['requestsPerMinute', 'tokensPerMinute', 'parallelRequests'] as const)
      expect((await refusalOf(() => admit([scopeOf({ [limit]: 0 })]))).retryAfterSeconds).toBeGreaterThan(0)
  })

  test('a budget of many millions is compared exactly', async () => {
    const key = scopeOf({ maxBudget: usd(20_000_000), spent: picodollars(usd(20_000_000) - 1n) })
    const call = await admit([key])
    spend([key], 1n)
    call.settle(1, picodollars(1n))
    expect((await refusalOf(() => admit([key]))).message).toContain('Current cost: 20000000')
  })

  test('the output that is reserved is learned from calls of the model, and bounded by what was asked', async () => {
    const key = scopeOf({ tokensPerMinute: 100_000 })
    for (let call = 0; call < 100; call += 1) limits.learn('a-model', call % 6 === 0 ? 5_000 : 80)
    expect(headersOf(await admit([key]))['x-ratelimit-remaining-tokens']).toBe(String(100_000 - 90))
    const small = await admit([key], { maxOutputTokens: 5 })
    expect(headersOf(small)['x-ratelimit-remaining-tokens']).toBe(String(100_000 - 90 - 15))
  })

  test('the answer tells the limits of each scope and what is left', async () => {
    const scopes = [
      scopeOf({ requestsPerMinute: 10, tokensPerMinute: 1_000, parallelRequests: 4 }),
      scopeOf({ kind: 'team', id: 't', requestsPerMinute: 50 }),
      scopeOf({ kind: 'key_model', id: 'k::m', requestsPerMinute: 7, tokensPerMinute: 900 }),
      scopeOf({ kind: 'deployment', id: 'd', requestsPerMinute: 99 }),
      scopeOf({ kind: 'user', id: 'u', maxBudget: usd(1) }),
    ]
    const call = await admit(scopes, { modelGroup: 'openai/gpt é:1', maxOutputTokens: 0 })
    expect(headersOf(call)).toEqual({
      'x-ratelimit-api_key-limit-requests': '10',
      'x-ratelimit-api_key-remaining-requests': '9',
      'x-ratelimit-api_key-limit-tokens': '1000',
      'x-ratelimit-api_key-remaining-tokens': '990',
      'x-ratelimit-api_key-limit-max_parallel_requests': '4',
      'x-ratelimit-api_key-remaining-max_parallel_requests': '3',
      'x-litellm-key-rpm-limit': '10',
      'x-ratelimit-limit-requests': '10',
      'x-ratelimit-remaining-requests': '9',
      'x-ratelimit-reset-requests': '60s',
      'x-litellm-key-tpm-limit': '1000',
      'x-ratelimit-limit-tokens': '1000',
      'x-ratelimit-remaining-tokens': '990',
      'x-ratelimit-reset-tokens': '60s',
      'x-ratelimit-team-limit-requests': '50',
      'x-ratelimit-team-remaining-requests': '49',
      'x-ratelimit-model_per_key-limit-requests': '7',
      'x-ratelimit-model_per_key-remaining-requests': '6',
      'x-ratelimit-model_per_key-limit-tokens': '900',
      'x-ratelimit-model_per_key-remaining-tokens': '890',
      'x-litellm-key-remaining-requests-openai-gpt---1': '6',
      'x-litellm-key-remaining-tokens-openai-gpt---1': '890',
    })
  })

  test('ten thousand scopes are counted, and none is forgotten', { timeout: 60_000 }, async () => {
    const keys = Array.from({ length: 10_000 }, (_, index) =>
      scopeOf({ id: `key-${index}`, maxBudget: picodollars(50n), requestsPerMinute: 1 }),
    )
    for (const key of keys) (await admit([key])).settle(10, picodollars(60n))
    for (const key of keys) expect((await refusalOf(() => admit([key]))).code).toBe('budget_exceeded')
  })

  test('what a call costs is counted where identity does not know of it yet', async () => {
    const known = scopeOf({ maxBudget: usd(1) })
    const call = await admit([known])
    call.settle(10, usd(1))
    const readAnew = scopeOf({ maxBudget: usd(1) })
    expect((await refusalOf(() => admit([readAnew]))).code).toBe('budget_exceeded')
    expect(readAnew.spent).toBe(usd(1))
  })
})

test('without Redis nothing waits', () => {
  const limits = createLimits({
    redis: undefined,
    settings: LOCAL_ON_LOSS,
    clock: Date.now,
    observer: told().observer,
  })
  const key = scopeOf({ requestsPerMinute: 1, maxBudget: usd(1) })
  expect(limits.admit(requestOf([key], { price: TOKEN_PRICE }))).not.toBeInstanceOf(Promise)
  expect(() => limits.admit(requestOf([key]))).toThrow(LimitError)
})
