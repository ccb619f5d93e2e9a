/** Runs the real Codex against a gateway. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bringClient } from './bring-client.ts'
import { runClient, type ClientRun, type ClientTarget } from './run-client.ts'

export interface CodexOptions extends ClientTarget {
  readonly prompt: string
  readonly model?: string
  /**
   * `own`, the default: a provider of its own in the configuration. `built-in`: the program's OpenAI provider with
   * another base URL, which tries a WebSocket first.
   */
  readonly provider?: 'own' | 'built-in'
  /** Further arguments of `codex exec`. */
  readonly args?: readonly string[]
  readonly timeoutMs?: number
}

/** The name of the environment variable that the configuration below takes the key from. */
const KEY_VARIABLE = 'SLUICE_TEST_KEY'

function configuration(options: CodexOptions): string {
  const text = JSON.stringify
  const common = [`model = ${text(options.model ?? 'gpt-5.5')}`, 'check_for_update_on_startup = false']
  if (options.provider === 'built-in') {
    return [...common, `openai_base_url = ${text(`${options.baseUrl}/v1`)}`, ''].join('\n')
  }
  return [
    ...common,
    'model_provider = "sluice"',
    '[model_providers.sluice]',
    'name = "Sluice"',
    `base_url = ${text(`${options.baseUrl}/v1`)}`,
    `env_key = ${text(KEY_VARIABLE)}`,
    'wire_api = "responses"',
    '',
  ].join('\n')
}

/** One prompt without a person: `codex exec`. */
export async function runCodex(options: CodexOptions): Promise<ClientRun> {
  const program = await bringClient('codex')
  return runClient({
    program: process.execPath,
    args: [program, 'exec', '--skip-git-repo-check', ...(options.args ?? []), options.prompt],
    env: { [KEY_VARIABLE]: options.apiKey },
    timeoutMs: options.timeoutMs ?? 120_000,
    prepareHome: async (home) => {
      await mkdir(join(home, '.codex'))
      await writeFile(join(home, '.codex', 'config.toml'), configuration(options))
      if (options.provider !== 'built-in') return
      await writeFile(
        join(home, '.codex', 'auth.json'),
        JSON.stringify({ auth_mode: 'apikey', OPENAI_API_KEY: options.apiKey }),
      )
    },
  })
}
