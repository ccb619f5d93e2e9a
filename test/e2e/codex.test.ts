/**
 * The real Codex program through the gateway with a user's key, on the Responses API. Costs are computed by hand from
 * the list prices of gpt-5.5: per million tokens $5 of input, $0.50 of cached input, $30 of output.
 */
import { afterAll, beforeAll, beforeEach, expect, test as vitestTest } from 'vitest'
import { isClientHere } from '../clients/bring-client.ts'
import type { ClientRun } from '../clients/run-client.ts'
import { runCodex, type CodexOptions } from '../clients/run-codex.ts'
import { startPlatform, type Platform, type User } from './platform.ts'

const CLIENT_TIMEOUT_MS = 120_000

const test = vitestTest.skipIf(!(await isClientHere('codex')))

const MODEL = 'gpt-5.5'

const CONFIG = `
  - model_name: ${MODEL}
    litellm_params: { model: openai/${MODEL}, api_key: os.environ/OPENAI_API_KEY }
`

let platform: Platform
let user: User

beforeAll(async () => {
  platform = await startPlatform(CONFIG)
})
beforeEach(async () => {
  platform.simulator.clearRequests()
  platform.simulator.meter.clear()
  user = await platform.newUser()
})
afterAll(() => platform?.stop())

async function run(options: Partial<CodexOptions> & { readonly prompt: string }): Promise<ClientRun> {
  return await runCodex({ baseUrl: platform.url, apiKey: user.key, model: MODEL, ...options })
}

/** What the provider's own meter says that each call used and costs, in the order of the calls. */
function metered() {
  return platform.simulator.meter.entries().map(({ usage }) => ({
    type: 'aresponses',
    model: MODEL,
    status: 'success',
    tokens: [usage.inputTokens + usage.cacheReadTokens, usage.outputTokens + usage.reasoningTokens],
    spend:
      (usage.inputTokens * 50 +
        usage.cacheReadTokens * 5 +
        (usage.outputTokens + usage.reasoningTokens) * 300) /
      10_000_000,
  }))
}

test(
  'a prompt is answered by one call, which is booked exactly',
  async () => {
    const { exitCode, stdout } = await run({ prompt: 'How are you? [[sim say=All%20is%20well]]' })
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'All is well\n' })
    expect(platform.simulator.requests()).toHaveLength(1)
    expect(await platform.spentBy(user, 1)).toEqual(metered())
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'a command that the model calls is run, its output goes back, and both calls are booked exactly',
  async () => {
    const tool = encodeURIComponent('exec_command {"cmd":"echo tool-ran-$((40+2))"}')
    const { exitCode } = await run({ prompt: `Run it. [[sim tool=${tool}]]` })
    expect(exitCode).toBe(0)
    expect(platform.simulator.requests()[1]!.body.toString()).toContain('tool-ran-42')
    const expected = metered()
    expect(expected).toHaveLength(2)
    expect(await platform.spentBy(user, 2)).toEqual(expected)
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'the built-in provider, which asks for a WebSocket, goes on over HTTP at once',
  async () => {
    const { exitCode, stdout, stderr } = await run({
      prompt: 'How are you? [[sim input=1000 cached=0 tokens=200]]',
      provider: 'built-in',
    })
    expect(exitCode).toBe(0)
    expect(stdout).not.toBe('')
    expect(stderr).not.toContain('Reconnecting')
    // 1,000 × $5/M + 200 × $30/M
    expect(await platform.spentBy(user, 1)).toMatchObject([{ tokens: [1_000, 200], spend: 0.011 }])
  },
  CLIENT_TIMEOUT_MS,
)

test(
  'a spent budget ends the run at once',
  async () => {
    user = await platform.newUser({ max_budget: 0 })
    const { exitCode, stderr } = await run({ prompt: 'How are you?' })
    expect(exitCode).toBe(1)
    expect(stderr).toContain('Quota exceeded')
    expect(platform.simulator.requests()).toEqual([])
    expect(await platform.rowsOf(user, 1)).toMatchObject([
      {
        status: 'failure',
        spend: 0,
        metadata: { error_information: { error_class: 'BudgetExceededError' } },
      },
    ])
  },
  CLIENT_TIMEOUT_MS,
)
