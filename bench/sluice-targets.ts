/** Sluice with everything on, and its simulator, as targets of the benchmark. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../bin/node-flags.js'
import { freePort, startProcess, stopProcess, waitUntilReady } from './server-process.ts'
import type { AnswerKind, RunningTarget, Target, TargetContext } from './target.ts'

const MAIN = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'main.js')
const MASTER_KEY = 'sk-bench-master-key'

export const sluice: Target = {
  name: 'sluice',
  title: 'Sluice (key, journal, metrics, log line, PostgreSQL)',
  start: startSluice,
}

export const simulator: Target = {
  name: 'simulator',
  title: 'The simulator, direct',
  start: startSimulator,
}

/** Starts the gateway on PostgreSQL and makes the virtual key that the load uses. */
async function startSluice(context: TargetContext): Promise<RunningTarget> {
  const running = await launch(context, {
    DATABASE_URL: context.databaseUrl,
    dataDirectory: 'sluice-data',
    logName: 'sluice',
  })
  const key = await generateKey(running.port)
  return {
    pid: running.child.pid,
    port: running.port,
    startToReadyMs: running.startToReadyMs,
    call: (answer) => ({
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${key}` },
      model: `bench-${answer}`,
    }),
    [Symbol.asyncDispose]: () => stopProcess(running.child),
  }
}

/**
 * Milliseconds from start to ready with the embedded database: the first start makes its directory, the second, which
 * counts, opens it again.
 */
export async function embeddedStartToReadyMs(context: TargetContext): Promise<number> {
  const options = { DATABASE_URL: undefined, dataDirectory: 'embedded-data', logName: 'sluice-embedded' }
  const first = await launch({ ...context, profileDirectory: undefined }, options)
  await stopProcess(first.child)
  const second = await launch({ ...context, profileDirectory: undefined }, options)
  await stopProcess(second.child)
  return second.startToReadyMs
}

interface LaunchOptions {
  readonly DATABASE_URL: string | undefined
  readonly dataDirectory: string
  readonly logName: string
}

async function launch(context: TargetContext, options: LaunchOptions) {
  const port = await freePort()
  const configFile = join(context.directory, 'sluice.yaml')
  const dataDirectory = join(context.directory, options.dataDirectory)
  mkdirSync(dataDirectory, { recursive: true })
  writeFileSync(configFile, configuration(context.providerPort))
  const profiling =
    context.profileDirectory === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${context.profileDirectory}`, '--cpu-prof-interval=500']
  const args = ['--config', configFile, '--host', '127.0.0.1', '--port', String(port)]
  const startedAtMs = performance.now()
  const child = startProcess(
    process.execPath,
    [...NODE_FLAGS, ...profiling, MAIN, ...args, '--data-dir', dataDirectory],
    {
      core: 'server',
      env: { DATABASE_URL: options.DATABASE_URL, LITELLM_MASTER_KEY: MASTER_KEY, NODE_ENV: 'production' },
      logFile: join(context.directory, `${options.logName}.log`),
    },
  )
  await waitUntilReady(child, port, '/health/readiness')
  return { child, port, startToReadyMs: performance.now() - startedAtMs }
}

function configuration(providerPort: number): string {
  const models = (['chat', 'stream', 'slow'] as const).map(
    (answer) => `
  - model_name: bench-${answer}
    litellm_params:
      model: openai/gpt-5.5
      api_base: http://127.0.0.1:${providerPort}/${answer}/v1
      api_key: sk-bench-provider`,
  )
  return `model_list:${models.join('')}\ngeneral_settings:\n  master_key: os.environ/LITELLM_MASTER_KEY\n`
}

async function generateKey(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/key/generate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ max_budget: 1_000_000 }),
  })
  const answer: unknown = await response.json()
  if (typeof answer === 'object' && answer !== null && 'key' in answer && typeof answer.key === 'string') {
    return answer.key
  }
  throw new Error(`POST /key/generate answered ${response.status} without a key`)
}

/** What the gateway itself says in its metrics. @throws Error when it does not say it. */
export async function readEventLoopLagP99Ms(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, {
    headers: { authorization: `Bearer ${MASTER_KEY}` },
  })
  const seconds = /^nodejs_eventloop_lag_p99_seconds ([\d.e+-]+)$/m.exec(await response.text())?.[1]
  if (seconds === undefined) throw new Error(`GET /metrics answered ${response.status} without the lag`)
  return Number(seconds) * 1000
}

/** Said in the model name, as the simulator's own grammar has it. */
const SIMULATED: Readonly<Record<AnswerKind, string>> = {
  chat: 'sim/bench?bytes=700',
  stream: 'sim/bench?chunks=100&interval=20',
  slow: 'sim/bench?chunks=20&interval=500',
}

async function startSimulator(context: TargetContext): Promise<RunningTarget> {
  const port = await freePort()
  const startedAtMs = performance.now()
  const child = startProcess(process.execPath, [MAIN, 'sim', '--port', String(port)], {
    core: 'server',
    logFile: join(context.directory, 'simulator.log'),
  })
  await waitUntilReady(child, port, '/__sim/meter')
  return {
    pid: child.pid,
    port,
    startToReadyMs: performance.now() - startedAtMs,
    call: (answer) => ({
      path: '/v1/chat/completions',
      headers: { authorization: 'Bearer sk-bench' },
      model: SIMULATED[answer],
    }),
    [Symbol.asyncDispose]: () => stopProcess(child),
  }
}
