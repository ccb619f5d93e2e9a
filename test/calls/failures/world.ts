/** What the tests of failures share: one gateway before providers that fail, and the ways to ask it. */
import { expect } from 'vitest'
import { startTestGateway, type TestGateway } from '../../running-gateway.ts'
import { send, type Answer } from '../client-call.ts'
import { DIALECT_CASES, WHOLE_CASES, type DialectCase } from '../dialect-cases.ts'
import { ScriptedProvider } from '../scripted-provider.ts'

export interface FailureWorld {
  readonly gateway: TestGateway
  /** Behind `gpt-scripted` and `claude-scripted`, and, below `/first` and `/second`, the two of `gpt-pair`. */
  readonly provider: ScriptedProvider
  /** Takes up the configuration with these router settings. */
  route(settings: RouteSettings): void
  close(): Promise<void>
}

export interface RouteSettings {
  readonly retries?: number
  readonly idleSeconds?: number
}

export async function openWorld(): Promise<FailureWorld> {
  const provider = await ScriptedProvider.start()
  const config = (settings: RouteSettings): string => configOf(provider.url, settings)
  const gateway = await startTestGateway({ config: config({}) })
  return {
    gateway,
    provider,
    route: (settings) => gateway.reconfigure(config(settings)),
    close: async () => {
      await gateway.stop()
      await provider.close()
    },
  }
}

/** Port 1 is reserved and nothing listens there. */
const NOBODY = 'http://127.0.0.1:1'

function configOf(provider: string, { retries = 0, idleSeconds = 300 }: RouteSettings): string {
  const entries = (['gpt', 'claude'] as const).flatMap((name) => {
    const entry = (suffix: string, base: string, extra = ''): string => {
      const family = name === 'gpt' ? 'openai' : 'anthropic'
      const path = name === 'gpt' && !base.startsWith('{') ? '/v1' : ''
      return (
        `  - { model_name: ${name}${suffix}, litellm_params: { model: ${family}/sim-model, api_base: '${base}${path}', ` +
        `api_key: sk-provider-of-${name}${extra} }, model_info: { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 } }`
      )
    }
    const simulator = name === 'gpt' ? '{openai}' : '{anthropic}'
    return [
      entry('', simulator),
      entry('-hurried', simulator, ', timeout: 0.4'),
      entry('-first', simulator, ', stream_timeout: 0.3'),
      entry('-nobody', NOBODY),
      entry('-scripted', provider),
      entry('-pair', `${provider}/first`),
      entry('-pair', `${provider}/second`),
    ]
  })
  return (
    `router_settings: { num_retries: ${retries}, stream_idle_timeout: ${idleSeconds} }\n` +
    `model_list:\n${entries.join('\n')}\n`
  )
}

export interface Mode {
  readonly name: string
  readonly dialect: DialectCase
  readonly stream: boolean
}

/** Each dialect, whole and, where it has streams, streamed. */
export const MODES: readonly Mode[] = [
  ...[...DIALECT_CASES, ...WHOLE_CASES].map((dialect) => ({ name: dialect.name, dialect, stream: false })),
  ...DIALECT_CASES.map((dialect) => ({ name: `${dialect.name} streamed`, dialect, stream: true })),
]

export const STREAMS = MODES.filter((mode) => mode.stream)
export const WHOLES = MODES.filter((mode) => !mode.stream)

/** A call whose user text gives the simulator its instructions. */
export async function ask(
  world: FailureWorld,
  { dialect, stream }: Mode,
  instructions: string,
  suffix = '',
): Promise<Answer> {
  const body = dialect.body(`[[sim ${instructions}]]`, stream, dialect.model + suffix)
  return await send(world.gateway.url + dialect.path, { body })
}

/** The call's line in the log. */
export function lineOf(world: FailureWorld, answer: Answer): Record<string, unknown> {
  const id = answer.headers['x-litellm-call-id']
  const line = world.gateway.logLines().find((each) => each['event'] === 'call' && each['call_id'] === id)
  if (line === undefined) throw new Error(`the log has no line of call ${String(id)}`)
  return line
}

/** Requests that the simulator received of this call. */
export function triesOf(world: FailureWorld, answer: Answer): number {
  const id = answer.headers['x-litellm-call-id']
  return world.gateway.simulator.meter.entries().filter((entry) => entry.callId === id).length
}

/** Fails unless the client was told, before any content, with this status and in its dialect. */
export function expectRefused(
  world: FailureWorld,
  dialect: DialectCase,
  answer: Answer,
  status: number,
  ending: string,
): void {
  expect(answer.whole).toBe(true)
  expect(answer.headers['content-type']).toMatch(/^application\/json/)
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status })
  const error = JSON.parse(answer.text) as { type?: string; error: { type: unknown; message: unknown } }
  expect(error.error).toMatchObject({ type: expect.any(String), message: expect.any(String) })
  if (dialect.family === 'anthropic') expect(error.type).toBe('error')
  else expect(error.error).toHaveProperty('code')
  const line = lineOf(world, answer)
  expect(line).toMatchObject({ ending, status, level: 'error' })
}
