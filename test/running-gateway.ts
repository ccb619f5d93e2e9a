/** A whole gateway in this process, before a simulator: what tests that cross rooms run against. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway, type RunningGateway } from '../src/cli/start-gateway.ts'
import { loadConfig } from '../src/config/load-config.ts'
import { Secret } from '../src/config/secret.ts'
import { startSimulator, type Simulator } from '../src/sim/index.ts'

export const MASTER_KEY = 'sk-master-of-the-tests'

export interface TestGateway {
  readonly url: string
  readonly simulator: Simulator
  readonly gateway: RunningGateway
  readonly directory: string
  /** All log lines so far, parsed. */
  logLines(): readonly Record<string, unknown>[]
  /** A request with the master key; the body is sent as JSON. */
  call(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>
  /** A fresh virtual key. */
  newKey(fields?: Record<string, unknown>): Promise<string>
  /** Writes a new config file and takes it up. */
  reconfigure(yaml: string): void
  stop(): Promise<void>
}

export interface TestGatewayOptions {
  /** YAML of the config; `{openai}` and `{anthropic}` stand for the simulator's base URLs. */
  readonly config?: string
  /** PostgreSQL URL; the embedded database without it. */
  readonly databaseUrl?: string
  /** Values may hold the same placeholders. */
  readonly environment?: Record<string, string>
  /** Port on which the metrics are served too. */
  readonly metricsPort?: number
  /** How much of request bodies is held at once. */
  readonly mostBodyBytes?: number
}

export const SIMULATED_MODELS = `
model_list:
  - model_name: gpt
    litellm_params: { model: openai/sim-gpt, api_base: '{openai}', api_key: sk-provider-openai }
    model_info: { id: gpt-1, input_cost_per_token: 0.000002, output_cost_per_token: 0.000008 }
  - model_name: claude
    litellm_params: { model: anthropic/sim-claude, api_base: '{anthropic}', api_key: sk-provider-anthropic }
    model_info: { id: claude-1, input_cost_per_token: 0.000003, output_cost_per_token: 0.000015 }
  - model_name: embedder
    litellm_params: { model: openai/sim-embedding, api_base: '{openai}', api_key: sk-provider-openai }
    model_info: { id: embedder-1, mode: embedding, input_cost_per_token: 0.0000001 }
`

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  const simulator = await startSimulator({ port: 0 })
  const file = join(directory, 'config.yaml')
  const filled = (text: string): string =>
    text.replaceAll('{openai}', `${simulator.url}/v1`).replaceAll('{anthropic}', simulator.url)
  const environment: Record<string, string> = {}
  for (const [name, value] of Object.entries(options.environment ?? {})) environment[name] = filled(value)
  if (options.databaseUrl !== undefined) environment['DATABASE_URL'] = options.databaseUrl
  const load = (yaml: string): ReturnType<typeof loadConfig> => {
    writeFileSync(file, filled(yaml))
    return loadConfig(file, environment)
  }
  const log: string[] = []
  const gateway = await startGateway({
    loaded: load(options.config ?? SIMULATED_MODELS),
    environment,
    masterKey: new Secret(MASTER_KEY),
    host: '127.0.0.1',
    port: 0,
    metricsPort: options.metricsPort,
    ...(options.mostBodyBytes === undefined ? {} : { mostBodyBytes: options.mostBodyBytes }),
    dataDir: join(directory, 'data'),
    logLevel: 'info',
    keepAliveTimeoutMs: 75_000,
    tls: undefined,
    graceMs: 25_000,
    destination: { write: (text: string) => void log.push(text) },
  })
  const call = (path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(gateway.url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  return {
    url: gateway.url,
    simulator,
    gateway,
    directory,
    logLines: () => {
      gateway.telemetry.log.flushSync()
      return log
        .join('')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    },
    call,
    newKey: async (fields = {}) => {
      const answer = await call('/key/generate', fields)
      const body = (await answer.json()) as { key?: string }
      if (body.key === undefined) throw new Error(`no key was made: ${JSON.stringify(body)}`)
      return body.key
    },
    reconfigure: (yaml) => gateway.reconfigure(load(yaml)),
    stop: async () => {
      await gateway.stop(0)
      await simulator.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
