/**
 * The configuration of a start without a config file: the simulator's models, and the providers whose keys stand in
 * the environment. It is written into the data directory, so that it can be read and copied.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../config/environment.ts'

export interface QuickStart {
  /** The config file that was written. */
  readonly file: string
  /** The environment it is to be loaded with. */
  readonly environment: Environment
  /** Provider families whose keys were found. */
  readonly providers: readonly string[]
}

const SIMULATED = `# Written anew at each start without --config: changes of this file are lost then.
# For a configuration of your own, write one of this form, without the sim-* models, and start with --config FILE.
model_list:
  # Served by the simulator inside this process, on a port that changes: no provider is called, and nothing is paid.
  - model_name: sim-gpt
    litellm_params:
      model: openai/sim-gpt
      api_base: os.environ/SLUICE_SIMULATOR_OPENAI_BASE
      api_key: simulated
    model_info:
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000004
  - model_name: sim-claude
    litellm_params:
      model: anthropic/sim-claude
      api_base: os.environ/SLUICE_SIMULATOR_ANTHROPIC_BASE
      api_key: simulated
    model_info:
      input_cost_per_token: 0.000003
      output_cost_per_token: 0.000015
  - model_name: sim-embedding
    litellm_params:
      model: openai/sim-embedding
      api_base: os.environ/SLUICE_SIMULATOR_OPENAI_BASE
      api_key: simulated
    model_info:
      mode: embedding
      input_cost_per_token: 0.0000001
`

/** Model names that go to a provider as soon as its key is set. */
const PROVIDER_MODELS: readonly {
  readonly name: string
  readonly variable: string
  readonly patterns: string[]
}[] = [
  { name: 'openai', variable: 'OPENAI_API_KEY', patterns: ['openai/*', 'gpt-*', 'o*', 'text-embedding-*'] },
  { name: 'anthropic', variable: 'ANTHROPIC_API_KEY', patterns: ['anthropic/*', 'claude-*'] },
]

/** @param simulatorUrl base URL of the running simulator, without a path. */
export function writeQuickStart(dataDir: string, simulatorUrl: string, environment: Environment): QuickStart {
  const found = PROVIDER_MODELS.filter(({ variable }) => environment[variable])
  const entries = found.flatMap(({ name, variable, patterns }) =>
    patterns.map(
      (pattern) =>
        `  - model_name: '${pattern}'\n    litellm_params:\n      model: '${pattern.startsWith(`${name}/`) ? pattern : `${name}/${pattern}`}'\n      api_key: os.environ/${variable}\n`,
    ),
  )
  const file = join(dataDir, 'quick-start.yaml')
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  writeChanged(file, SIMULATED + entries.join(''))
  return {
    file,
    environment: {
      ...environment,
      SLUICE_SIMULATOR_OPENAI_BASE: `${simulatorUrl}/v1`,
      SLUICE_SIMULATOR_ANTHROPIC_BASE: simulatorUrl,
    },
    providers: found.map(({ name }) => name),
  }
}

/** Workers that start together write the same: none may find the file half written by another. */
function writeChanged(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  const whole = `${file}.${process.pid}`
  writeFileSync(whole, text)
  renameSync(whole, file)
}
