/** The gateway that Sluice takes the place of: the LiteLLM proxy from its Python package, without a database. */
import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, startProcess, stopProcess, waitUntilReady } from './server-process.ts'
import { ANSWER_KINDS, type RunningTarget, type Target, type TargetContext } from './target.ts'

/** The newest whose dependencies could all be installed when this was written. */
const VERSION = '1.106.2'
const MASTER_KEY = 'sk-bench-master-key-of-litellm'

export const litellm: Target = {
  name: 'litellm',
  title: `LiteLLM proxy ${VERSION}`,
  settings:
    'Python package with the extra “proxy”, one worker, LITELLM_MODE=PRODUCTION, LITELLM_LOG=ERROR, master key; no ' +
    'virtual keys, spend log or metrics, for its database client is a program that the package does not hold',
  start: startLitellm,
}

async function startLitellm(context: TargetContext): Promise<RunningTarget> {
  const folder = bringLitellm(context.cacheDirectory)
  const port = await freePort()
  const configFile = join(context.directory, 'litellm.yaml')
  writeFileSync(configFile, configuration(context.providerPort))
  const startedAtMs = performance.now()
  const address = ['--host', '127.0.0.1', '--port', String(port)]
  const child = startProcess(
    join(folder, 'bin', 'python'),
    [join(folder, 'bin', 'litellm'), '--config', configFile, ...address, '--num_workers', '1'],
    {
      core: 'server',
      logFile: join(context.directory, 'litellm.log'),
      env: { LITELLM_MASTER_KEY: MASTER_KEY, LITELLM_MODE: 'PRODUCTION', LITELLM_LOG: 'ERROR' },
    },
  )
  await waitUntilReady(child, port, '/health/readiness')
  return {
    pid: child.pid,
    port,
    startToReadyMs: performance.now() - startedAtMs,
    call: (answer) => ({
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${MASTER_KEY}` },
      model: `bench-${answer}`,
    }),
    [Symbol.asyncDispose]: () => stopProcess(child),
  }
}

/** JSON, which YAML contains. */
function configuration(providerPort: number): string {
  const models = ANSWER_KINDS.map((answer) => ({
    model_name: `bench-${answer}`,
    litellm_params: {
      model: 'openai/bench-model',
      api_base: `http://127.0.0.1:${providerPort}/${answer}/v1`,
      api_key: 'sk-bench-provider',
    },
  }))
  return JSON.stringify({ model_list: models, litellm_settings: { set_verbose: false, json_logs: true } })
}

/**
 * Installs the package once, into an environment of its own, at the place where it stays: its programs know their place.
 * @throws Error when there is no Python, or the package cannot be had.
 */
function bringLitellm(cacheDirectory: string): string {
  const folder = join(cacheDirectory, `litellm-${VERSION}`)
  const finished = join(folder, 'installed')
  if (existsSync(finished)) return folder
  rmSync(folder, { recursive: true, force: true })
  try {
    run('python3', ['-m', 'venv', folder])
    run(join(folder, 'bin', 'pip'), ['install', '--quiet', `litellm[proxy]==${VERSION}`])
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw new Error('python3 with its module venv, or the package litellm, is not to be had here', {
      cause: error,
    })
  }
  writeFileSync(finished, '')
  return folder
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: 'ignore' })
}
