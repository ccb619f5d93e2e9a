/** The real client programs run against the simulator: what they need of the simulator before a gateway is between. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startSimulator, type Simulator } from '../../src/sim/index.ts'
import { isClientHere } from './bring-client.ts'
import { runClaudeCode } from './run-claude-code.ts'
import { runCodex } from './run-codex.ts'

const CLIENT_TIMEOUT_MS = 120_000

const claudeCodeTest = test.skipIf(!(await isClientHere('claude-code')))
const codexTest = test.skipIf(!(await isClientHere('codex')))

let simulator: Simulator

beforeAll(async () => {
  simulator = await startSimulator()
})

beforeEach(() => simulator.clearRequests())

afterAll(() => simulator?.close())

function target() {
  return { baseUrl: simulator.url, apiKey: 'sk-test' }
}

function receivedPaths(): string[] {
  return simulator.requests().map((request) => request.path)
}

claudeCodeTest(
  'Claude Code gets an answer to one prompt with one call',
  async () => {
    const run = await runClaudeCode({ ...target(), prompt: 'How are you? [[sim say=All%20is%20well]]' })
    expect(run).toMatchObject({ exitCode: 0, stdout: 'All is well\n' })
    expect(receivedPaths()).toEqual(['/v1/messages?beta=true'])
  },
  CLIENT_TIMEOUT_MS,
)

claudeCodeTest(
  'Claude Code runs the tool that the model calls, and sends its result back',
  async () => {
    const tool = encodeURIComponent('Bash {"command":"echo tool-ran-$((40+2))","description":"Say it"}')
    const run = await runClaudeCode({
      ...target(),
      prompt: `Run it. [[sim tool=${tool}]]`,
      args: ['--allowedTools', 'Bash(echo:*)'],
    })
    expect(run.exitCode).toBe(0)
    expect(receivedPaths()).toHaveLength(2)
    expect(simulator.requests()[1]?.body.toString()).toContain('tool-ran-42')
  },
  CLIENT_TIMEOUT_MS,
)

claudeCodeTest(
  'Claude Code asks a gateway for its models when it is told to',
  async () => {
    const env = { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1' }
    const run = await runClaudeCode({ ...target(), prompt: 'How are you?', env })
    expect(run.exitCode).toBe(0)
    expect(receivedPaths()).toContain('/v1/models?limit=1000')
  },
  CLIENT_TIMEOUT_MS,
)

codexTest(
  'Codex gets an answer to one prompt by the Responses API',
  async () => {
    const run = await runCodex({ ...target(), prompt: 'How are you? [[sim say=All%20is%20well]]' })
    expect(run.exitCode).toBe(0)
    expect(run.stdout).toContain('All is well')
    expect(receivedPaths()).toEqual(['/v1/responses'])
  },
  CLIENT_TIMEOUT_MS,
)
