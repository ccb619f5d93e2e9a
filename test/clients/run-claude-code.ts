/** Runs the real Claude Code against a gateway. */
import { bringClient } from './bring-client.ts'
import { runClient, type ClientRun, type ClientTarget } from './run-client.ts'

export interface ClaudeCodeOptions extends ClientTarget {
  readonly prompt: string
  /** Further arguments, e.g. `['--allowedTools', 'Bash(echo:*)']`. */
  readonly args?: readonly string[]
  /** Further environment, e.g. `{ ANTHROPIC_MODEL: 'sim/any' }`. */
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** See `ClientCommand`. */
  readonly inspectHome?: (home: string) => Promise<void>
}

/** Everything that the program would send elsewhere than to the gateway. */
const NO_OTHER_TRAFFIC = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_AUTOUPDATER: '1',
  DISABLE_TELEMETRY: '1',
  DISABLE_ERROR_REPORTING: '1',
}

/** One prompt in print mode: `claude -p`. */
export async function runClaudeCode(options: ClaudeCodeOptions): Promise<ClientRun> {
  return runClient({
    program: await bringClient('claude-code'),
    args: ['-p', options.prompt, ...(options.args ?? [])],
    env: {
      ANTHROPIC_BASE_URL: options.baseUrl,
      ANTHROPIC_API_KEY: options.apiKey,
      ...NO_OTHER_TRAFFIC,
      ...options.env,
    },
    timeoutMs: options.timeoutMs ?? 120_000,
    ...(options.inspectHome === undefined ? {} : { inspectHome: options.inspectHome }),
  })
}
