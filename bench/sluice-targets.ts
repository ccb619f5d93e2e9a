/** Sluice in each of its forms, and its simulator, as targets of the benchmark. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../bin/node-flags.js'
import type { BenchDialect, LoadRequest } from './load-job.ts'
import { servingProcesses } from './process-figures.ts'
import {
  freePort,
  moveTo,
  profileFlags,
  startProcess,
  stopProcess,
  waitUntilReady,
} from './server-process.ts'
import { EVERYTHING_ON, type SluiceForm } from './sluice-forms.ts'
import { median } from './statistics.ts'
import {
  ANSWER_KINDS,
  type AnswerKind,
  type RunningTarget,
  type Target,
  type TargetContext,
} from './target.ts'

export const MAIN = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'main.js')
export const MASTER_KEY = 'sk-bench-master-key'

/** Who may manage the gateways of the benchmark. */
const ADMINISTRATOR = { authorization: `Bearer ${MASTER_KEY}` }

export function sluiceTarget(form: SluiceForm): Target {
  return {
    name: form.name,
    title: form.title,
    settings: form.settings,
    start: (context) => startSluice(form, context),
  }
}

export const sluice: Target = sluiceTarget(EVERYTHING_ON)

export const simulator: Target = {
  name: 'simulator',
  title: 'The simulator, direct',
  settings: 'no relay; it reads every request and keeps a meter',
  start: startSimulator,
}

const PATHS: Readonly<Record<BenchDialect, string>> = {
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
  'anthropic-messages': '/v1/messages',
}

/** Starts the gateway on PostgreSQL and makes the virtual key that the load uses. */
export async function startSluice(form: SluiceForm, context: TargetContext): Promise<RunningTarget> {
  const DATABASE_URL = await context.databaseUrl(form.name)
  const running = await launch(form, context, { DATABASE_URL, dataName: form.name })
  const key = form.key === 'master key' ? MASTER_KEY : await generateKey(running.port, form.key)
  const headers = { authorization: `Bearer ${key}` }
  return {
    pid: running.child.pid,
    port: running.port,
    startToReadyMs: running.startToReadyMs,
    ...(form.isEachNew === true ? { isEachNew: true } : {}),
    call: (answer, dialect) => ({
      path: PATHS[dialect],
      headers,
      model: modelName(answer, dialect === 'anthropic-messages' ? 'anthropic' : 'openai'),
    }),
    [Symbol.asyncDispose]: () => stopProcess(running.child),
  }
}

const REOPENINGS = 5

/**
 * Milliseconds from start to ready with the embedded database: the first start makes its directory, and the others, whose
 * median counts, open it again.
 */
export async function embeddedStartToReadyMs(context: TargetContext): Promise<number> {
  const options = { DATABASE_URL: undefined, dataName: 'embedded' }
  const start = async (): Promise<number> => {
    const { child, startToReadyMs } = await launch(
      EVERYTHING_ON,
      { ...context, profileDirectory: undefined },
      options,
    )
    await stopProcess(child)
    return startToReadyMs
  }
  await start()
  const reopened: number[] = []
  for (let count = 0; count < REOPENINGS; count += 1) reopened.push(await start())
  return median(reopened)
}

interface LaunchOptions {
  readonly DATABASE_URL: string | undefined
  readonly dataName: string
}

async function launch(form: SluiceForm, context: TargetContext, { DATABASE_URL, dataName }: LaunchOptions) {
  const port = await freePort()
  const configFile = join(context.directory, `${dataName}.yaml`)
  const dataDirectory = join(context.directory, `${dataName}-data`)
  mkdirSync(dataDirectory, { recursive: true })
  writeFileSync(configFile, configuration(form, context))
  const address = ['--host', '127.0.0.1', '--port', String(port)]
  const argv = [MAIN, '--config', configFile, ...address, '--data-dir', dataDirectory]
  const startedAtMs = performance.now()
  const [program, ...before]: readonly [string, ...string[]] =
    form.under === undefined ? [process.execPath] : [...form.under, process.execPath]
  const flags = [...NODE_FLAGS, ...profileFlags(context.profileDirectory)]
  const child = startProcess(program, [...before, ...flags, ...argv, ...(form.arguments ?? [])], {
    core: form.core ?? 'server',
    env: {
      DATABASE_URL,
      LITELLM_MASTER_KEY: MASTER_KEY,
      NODE_ENV: 'production',
      ...form.environment?.(context),
    },
    logFile: join(context.directory, `${dataName}.log`),
  })
  await waitUntilReady(child, port, '/health/readiness')
  const startToReadyMs = performance.now() - startedAtMs
  if (form.core === 'both') await giveWorkerACore(child.pid)
  return { child, port, startToReadyMs }
}

const SECOND_WORKER_TIMEOUT_MS = 20_000

/** One of two workers has the first core for itself then. The second one is started when the first is ready. */
async function giveWorkerACore(pid: number): Promise<void> {
  moveTo('second', pid)
  const workers = () => [...servingProcesses(pid).keys()].filter((serving) => serving !== pid)
  const deadlineMs = performance.now() + SECOND_WORKER_TIMEOUT_MS
  while (workers().length < 2) {
    if (performance.now() > deadlineMs) throw new Error('its second worker did not start within 20 seconds')
    await delay(10)
  }
  const [owner = pid, other = pid] = workers()
  moveTo('second', other)
  moveTo('first', owner)
}

type Family = 'openai' | 'anthropic'

function modelName(answer: AnswerKind, family: Family): string {
  return `bench-${family}-${answer}`
}

/** JSON, which YAML contains. */
function configuration(form: SluiceForm, context: TargetContext): string {
  const base =
    form.overTls === true
      ? `https://localhost:${context.providerTlsPort}`
      : `http://127.0.0.1:${context.providerPort}`
  const models = ANSWER_KINDS.flatMap((answer) => [
    deployment(modelName(answer, 'openai'), 'openai/gpt-5.5', `${base}/${answer}/v1`),
    deployment(modelName(answer, 'anthropic'), 'anthropic/claude-sonnet-4-6', `${base}/${answer}`),
  ])
  const whole = `${base}/whole/v1`
  const more = Array.from({ length: (form.deployments ?? 1) - 1 }, () =>
    deployment(modelName('whole', 'openai'), 'openai/gpt-5.5', whole),
  )
  const others = Array.from({ length: form.otherModels ?? 0 }, (_, number) =>
    deployment(`bench-other-${number}`, 'openai/gpt-5.5', whole),
  )
  return JSON.stringify({
    model_list: [...models, ...more, ...others].map((entry, index) => ({
      ...entry,
      model_info: { id: `bench-${index}` },
    })),
    general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY', ...form.generalSettings },
    ...(form.litellmSettings === undefined ? {} : { litellm_settings: form.litellmSettings }),
  })
}

function deployment(name: string, model: string, apiBase: string): object {
  return { model_name: name, litellm_params: { model, api_base: apiBase, api_key: 'sk-bench-provider' } }
}

/** Makes a virtual key with these fields. */
export async function generateKey(port: number, members: object): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/key/generate`, {
    method: 'POST',
    headers: { ...ADMINISTRATOR, 'content-type': 'application/json' },
    body: JSON.stringify(members),
  })
  const answer: unknown = await response.json()
  if (typeof answer === 'object' && answer !== null && 'key' in answer && typeof answer.key === 'string') {
    return answer.key
  }
  throw new Error(`POST /key/generate answered ${response.status} without a key`)
}

/** The page of a running gateway's metrics. */
export async function readMetrics(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: ADMINISTRATOR })
  if (!response.ok) throw new Error(`GET /metrics answered ${response.status}`)
  return await response.text()
}

/** How late the event loop was since the scrape before. */
export interface EventLoopLag {
  readonly p99Ms: number
  readonly maxMs: number
}

/** What the gateway itself says in its metrics. @throws Error when it does not say it. */
export async function readEventLoopLag(port: number): Promise<EventLoopLag> {
  const page = await readMetrics(port)
  const milliseconds = (what: string): number => {
    const seconds = new RegExp(`^nodejs_eventloop_lag_${what}_seconds ([\\d.e+-]+)$`, 'm').exec(page)?.[1]
    if (seconds === undefined) throw new Error('GET /metrics answered without the lag')
    return Number(seconds) * 1000
  }
  return { p99Ms: milliseconds('p99'), maxMs: milliseconds('max') }
}

/** A GET of the management API, by who may read everything. */
export function managementRequest({ port }: RunningTarget, path: string): LoadRequest {
  return {
    host: '127.0.0.1',
    port,
    path,
    method: 'GET',
    headers: ADMINISTRATOR,
    model: '',
    dialect: 'openai-chat',
    stream: false,
    bodyBytes: 0,
    keys: undefined,
  }
}

/** Said in the model name, as the simulator's own grammar has it. */
const SIMULATED: Readonly<Record<AnswerKind, string>> = {
  whole: 'sim/bench?bytes=700',
  long: 'sim/bench?bytes=400000',
  stream: 'sim/bench?chunks=100&interval=20',
  slow: 'sim/bench?chunks=20&interval=500',
  quiet: 'sim/bench?chunks=30&interval=10000',
  flood: 'sim/bench?chunks=1000000&interval=0',
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
    call: (answer, dialect) => ({
      path: PATHS[dialect],
      headers: { authorization: 'Bearer sk-bench' },
      model: SIMULATED[answer],
    }),
    [Symbol.asyncDispose]: () => stopProcess(child),
  }
}
