/**
 * The real Claude Code program through the gateway with a user's key: what it prints, and what `/spend/logs` says.
 * Costs are computed by hand from the list prices of claude-sonnet-4-6, in dollars per million tokens.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test as vitestTest } from 'vitest'
import { isClientHere } from '../clients/bring-client.ts'
import type { ClientRun } from '../clients/run-client.ts'
import { runClaudeCode, type ClaudeCodeOptions } from '../clients/run-claude-code.ts'
import { startPlatform, type Platform, type User } from './platform.ts'

const CLIENT_TIMEOUT_MS = 120_000

const test = vitestTest.skipIf(!(await isClientHere('claude-code')))

const MODEL = 'claude-sonnet-4-6'

let platform: Platform
let user: User

beforeAll(async () => {
  platform = await startPlatform()
})
beforeEach(async () => {
  platform.simulator.clearRequests()
  platform.simulator.meter.clear()
  user = await platform.newUser()
})
afterAll(() => platform?.stop())

async function run(options: Partial<ClaudeCodeOptions> & { readonly prompt: string }): Promise<ClientRun> {
  return await runClaudeCode({
    baseUrl: platform.url,
    apiKey: user.key,
    ...options,
    env: { ANTHROPIC_MODEL: MODEL, ...options.env },
  })
}

/** What the provider's own meter says that each call used and costs, in the order of the calls. */
function metered() {
  return platform.simulator.meter.entries().map(({ usage }) => ({
    type: 'anthropic_messages',
    model: MODEL,
    status: 'success',
    tokens: [
      usage.inputTokens + usage.cacheReadTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens,
      usage.outputTokens + usage.reasoningTokens,
    ],
    spend:
      (usage.inputTokens * 300 +
        usage.cacheReadTokens * 30 +
        usage.cacheWrite5mTokens * 375 +
        usage.cacheWrite1hTokens * 600 +
        (usage.outputTokens + usage.reasoningTokens) * 1_500) /
      100_000_000,
  }))
}

test.each([
  ['ANTHROPIC_API_KEY', {}],
  ['ANTHROPIC_AUTH_TOKEN', { ANTHROPIC_API_KEY: '' }],
])(
  'with a key in %s, "How are you?" is answered by one call, which is booked exactly',
  async (variable, without) => {
    const env = { ...without, [variable]: user.key }
    const { exitCode, stdout } = await run({ prompt: 'How are you? [[sim say=All%20is%20well]]', env })
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'All is well\n' })
    expect(platform.simulator.requests().map(({ path }) => path)).toEqual(['/v1/messages?beta=true'])
    expect(await platform.spentBy(user, 1)).toEqual(metered())
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'the provider gets the bytes that Claude Code sent, its beta headers, and never the user’s key',
  async () => {
    await run({ prompt: 'How are you?' })
    const { body, headers } = platform.simulator.requests()[0]!
    const sent: unknown = JSON.parse(body.toString())
    expect(sent).toMatchObject({ model: MODEL, stream: true, thinking: {}, context_management: {} })
    const names = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]))
    expect(names.get('anthropic-beta')).toContain('claude-code-')
    expect(names.get('x-api-key')).toBe('sk-ant-of-the-team')
    expect(`${headers.flat().join('\n')}${body.toString()}`).not.toContain(user.key)
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'a tool that the model calls is run, its result goes back, and both calls are booked exactly',
  async () => {
    const tool = encodeURIComponent('Bash {"command":"echo tool-ran-$((40+2))","description":"Say it"}')
    const { exitCode } = await run({
      prompt: `Run it. [[sim tool=${tool}]]`,
      args: ['--allowedTools', 'Bash(echo:*)'],
    })
    expect(exitCode).toBe(0)
    expect(platform.simulator.requests()[1]!.body.toString()).toContain('tool-ran-42')
    const expected = metered()
    expect(expected).toHaveLength(2)
    expect(await platform.spentBy(user, 2)).toEqual(expected)
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'a 40,000-token prompt from the cache is priced as one',
  async () => {
    await run({ prompt: 'How are you? [[sim input=50 cached=40000 written=1000 tokens=100]]' })
    // 50 × $3/M + 40,000 × $0.30/M + 1,000 × $3.75/M + 100 × $15/M
    expect(await platform.rowsOf(user, 1)).toMatchObject([
      {
        prompt_tokens: 41_050,
        completion_tokens: 100,
        spend: 0.0174,
        metadata: {
          usage_object: { cache_read_input_tokens: 40_000, cache_creation_input_tokens: 1_000 },
        },
      },
    ])
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'the model picker is filled with the Claude models of the config',
  async () => {
    let cached = ''
    await run({
      prompt: 'How are you?',
      env: { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1' },
      inspectHome: async (home) => {
        cached = await readFile(join(home, '.claude/cache/gateway-models.json'), 'utf8')
      },
    })
    expect(JSON.parse(cached)).toMatchObject({ baseUrl: platform.url, models: [{ id: MODEL }] })
  },
  CLIENT_TIMEOUT_MS,
)

test(
  '/context counts tokens in one burst, which costs nothing and is not logged as spend',
  async () => {
    user = await platform.newUser({ max_budget: 0 })
    const { stdout } = await run({ prompt: '/context' })
    expect(stdout).toContain('## Context Usage')
    const counted = platform.logLines().filter((line) => line['user_id'] === user.userId)
    expect(counted.length).toBeGreaterThan(20)
    for (const line of counted) expect(line).toMatchObject({ call_type: 'count_tokens', status: 200 })
    const spend = await platform.call(`/spend/logs?user_id=${user.userId}`)
    expect(await spend.json()).toEqual([])
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'prompt and answer are kept, as the config asks',
  async () => {
    await run({ prompt: 'How are you? [[sim say=All%20is%20well]]' })
    const [row] = await platform.rowsOf(user, 1)
    const answer = await platform.call(`/spend/logs/ui/${row!.request_id}`)
    const { messages, response } = (await answer.json()) as { messages: unknown; response: unknown }
    expect(JSON.stringify(messages)).toContain('How are you?')
    expect(JSON.stringify(response)).toContain('All is well')
  },
  CLIENT_TIMEOUT_MS,
)

/** Calls of Claude Code that reached the gateway, by the log line of each. */
function callsOf(model: string): number {
  return platform.logLines().filter((line) => line['event'] === 'call' && line['model'] === model).length
}

test(
  'a wrong key is told at once, after one request',
  async () => {
    const before = platform.logLines().length
    const { exitCode, stdout } = await run({ prompt: 'How are you?', apiKey: 'sk-nobody-has-this-key' })
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(/^Failed to authenticate\. API Error: 401 .*the API key is not valid here/)
    expect(platform.logLines().slice(before)).toMatchObject([{ status: 401 }])
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'a spent budget is told at once, with its figures',
  async () => {
    user = await platform.newUser({ max_budget: 0.0001 })
    await run({ prompt: 'How are you?' })
    platform.simulator.clearRequests()
    const { stdout } = await run({ prompt: 'How are you?' })
    expect(stdout).toMatch(/Request rejected \(429\) · Budget has been exceeded! .* Max budget: 0\.0001\./)
    expect(platform.simulator.requests()).toEqual([])
    expect(await platform.spentBy(user, 2)).toMatchObject([
      { status: 'success' },
      { status: 'failure', spend: 0 },
    ])
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'a model that the key may not call is told at once, with those it may',
  async () => {
    user = await platform.newUser({ models: ['gpt-5-5'] })
    const { stdout } = await run({ prompt: 'How are you?' })
    expect(stdout).toContain('403 user not allowed to access model')
    expect(stdout).toContain('models=[gpt-5-5]')
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'a model that the config does not know sends the user to the model picker',
  async () => {
    const { stdout } = await run({ prompt: 'How are you?', env: { ANTHROPIC_MODEL: 'claude-99' } })
    expect(stdout).toContain("There's an issue with the selected model (claude-99)")
    expect(callsOf('claude-99')).toBeGreaterThan(0)
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'the provider’s own refusal for want of credit is shown, and recorded as a failure',
  async () => {
    const { stdout } = await run({ prompt: 'How are you? [[sim fault=no-credit]]' })
    expect(stdout).toBe('Credit balance is too low\n')
    expect(platform.simulator.requests()).toHaveLength(1)
    expect(await platform.rowsOf(user, 1)).toMatchObject([
      {
        status: 'failure',
        spend: 0,
        metadata: { error_information: { error_message: expect.stringContaining('credit balance') } },
      },
    ])
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'a stream that breaks off is sent again by Claude Code, and both calls are paid',
  async () => {
    const { stdout } = await run({
      prompt: 'How are you? [[sim chunks=10 fault=cut@3 times=1 input=1000 cached=0 written=0]]',
    })
    expect(stdout).not.toContain('API Error')
    const rows = await platform.rowsOf(user, 2)
    expect(rows.map((row) => row.metadata.ending)).toEqual(['provider_cut', 'complete'])
    // 1,000 × $3/M + 12 × $15/M, then 1,000 × $3/M + 40 × $15/M
    expect(rows.map((row) => row.spend)).toEqual([0.00318, 0.0036])
  },
  CLIENT_TIMEOUT_MS,
)
