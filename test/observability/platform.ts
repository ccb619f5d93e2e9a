/** Two gateways before one PostgreSQL and one Redis, whose users do everything that is measured. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSimulator, type Simulator } from '../../src/sim/index.ts'
import { batchFile } from '../batches/batch-file.ts'
import { GatewayProcess } from '../life/gateway-process.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { startRedis, type TestRedis } from '../redis.ts'
import { MASTER_KEY } from '../running-gateway.ts'

const MODELS = `
model_list:
  - model_name: gpt
    litellm_params: { model: openai/sim-gpt, api_base: '{openai}', api_key: sk-provider, rpm: 100000, tpm: 10000000 }
    model_info: { id: gpt-1, input_cost_per_token: 0.000002, output_cost_per_token: 0.000008 }
  - model_name: claude
    litellm_params: { model: anthropic/sim-claude, api_base: '{anthropic}', api_key: sk-provider }
    model_info: { id: claude-1, input_cost_per_token: 0.000003, output_cost_per_token: 0.000015 }
  - model_name: unpriced
    litellm_params: { model: openai/sim-unpriced, api_base: '{openai}', api_key: sk-provider }
`

const settings = (more: string): string => `
general_settings:
  alerting: [webhook]
litellm_settings:
  prometheus_initialize_budget_metrics: true
  prometheus_emit_stream_label: true
  callbacks: [prometheus, generic_api]
  service_callback: [prometheus_system]
  cache: true
  cache_params: { type: redis }
  ${more}
router_settings:
  provider_budget_config: { anthropic: { budget_limit: 1000, time_period: 30d } }
`

const MAX_SERIES = 20

/** The second gateway shows its metrics to everyone, and soon has more series than it may. */
const CONFIGS = [
  settings(''),
  settings(`require_auth_for_metrics_endpoint: false
  prometheus_metrics_max_series_per_metric: ${MAX_SERIES}`),
]

export interface Platform extends AsyncDisposable {
  /** The first has two workers and shows its metrics to admins only; the second shows them to everyone. */
  readonly urls: readonly [string, string]
  /** Of a user who may look at everything. */
  readonly viewerKey: string
  /** All that users do, once. */
  round(): Promise<void>
  /** What befalls a gateway: stores that are away, a worker that dies, a configuration that is wrong, too many clients. */
  troubles(): Promise<void>
}

export async function startPlatform(): Promise<Platform> {
  const stack = new AsyncDisposableStack()
  const simulator = await startSimulator({ port: 0 })
  stack.defer(() => simulator.close())
  const redis = stack.use(await startRedis())
  const postgresql = stack.use(await startPostgresql())
  const receiver = await startReceiver(stack)
  const environment = {
    DATABASE_URL: await postgresql.createDatabase(),
    REDIS_URL: redis.url,
    GENERIC_LOGGER_ENDPOINT: `${receiver}/calls`,
    WEBHOOK_URL: `${receiver}/alerts`,
    PROXY_BATCH_WRITE_AT: '0.2',
    // So that a round falls into the time that PostgreSQL is away.
    PROXY_BATCH_POLLING_INTERVAL: '1',
  }
  const folder = mkdtempSync(join(tmpdir(), 'sluice-platform-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const gateways = CONFIGS.map((config, index) => {
    const file = join(folder, `config-${index}.yaml`)
    writeConfig(file, config, simulator)
    const own = [
      '--config',
      file,
      '--host',
      '127.0.0.1',
      '--port',
      '0',
      '--data_dir',
      join(folder, `${index}`),
    ]
    const gateway = new GatewayProcess([...own, ...(index === 0 ? ['--num_workers', '2'] : [])], environment)
    stack.use(gateway)
    return { gateway, file, config }
  })
  const [first, second] = gateways
  if (first === undefined || second === undefined) throw new Error('two gateways are configured')
  const urls = [await first.gateway.url(), await second.gateway.url()] as const
  await first.gateway.printed(/"msg":"listening"/, 2)
  const users = new Users(urls)
  await users.prepare()
  return {
    urls,
    viewerKey: await users.viewerKey(),
    round: () => users.round(),
    troubles: async () => {
      await losePostgresql(postgresql, users)
      await loseRedis(redis, users)
      await reconfigure(second, simulator)
      await loseWorker(first.gateway)
      await users.manyPrograms()
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function writeConfig(file: string, config: string, simulator: Simulator): void {
  const models = MODELS.replaceAll('{openai}', `${simulator.url}/v1`).replaceAll('{anthropic}', simulator.url)
  writeFileSync(file, config + models)
}

/** Takes calls and alerts; of three messages it takes the first, fails at the second, and refuses the third. */
async function startReceiver(stack: AsyncDisposableStack): Promise<string> {
  let messages = 0
  const server = createServer((request, response) => {
    request.resume()
    messages += 1
    response.writeHead([200, 500, 400][messages % 3] ?? 200).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => void server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  return `http://127.0.0.1:${address.port}`
}

/** Jobs that run by the clock, and fail without PostgreSQL. */
const FAILING_JOBS = [
  'litellm_reset_budget_job_failed_requests_total',
  'litellm_check_batch_cost_errors_total',
  'litellm_batch_write_to_db_failed_requests_total',
]

async function losePostgresql(postgresql: TestPostgresql, users: Users): Promise<void> {
  await postgresql.stop('immediate')
  // A key that no gateway knows has to be looked up.
  await users.chat({ key: 'sk-unknown' })
  do await users.round()
  while (!(await users.show(FAILING_JOBS)))
  await postgresql.start()
}

async function loseRedis(redis: TestRedis, users: Users): Promise<void> {
  redis.pause()
  await users.round()
  redis.resume()
  await redis.stop()
  await users.round()
  await redis.start()
}

async function reconfigure(
  { gateway, file, config }: { gateway: GatewayProcess; file: string; config: string },
  simulator: Simulator,
): Promise<void> {
  writeFileSync(file, 'model_list: none')
  await gateway.printed(/"msg":"[^"]*config[^"]*refused[^"]*"|"level":"error","[^\n]*config/i)
  writeConfig(file, `# Changed.\n${config}`, simulator)
}

/** Until the other processes know of it: a connection that is handed to the dead worker is lost with it. */
async function loseWorker(gateway: GatewayProcess): Promise<void> {
  const worker = gateway.workers()[0]
  if (worker === undefined) throw new Error('the gateway has no workers')
  process.kill(worker, 'SIGKILL')
  await gateway.printed(/"msg":"a worker has died[^"]*"/)
}

interface Chat {
  readonly key?: string
  readonly model?: string
  readonly say?: string
  readonly stream?: boolean
  readonly userAgent?: string
  /** Further members of the body. */
  readonly body?: Readonly<Record<string, unknown>>
}

/** A team, its people, and their calls. */
class Users {
  readonly #urls: readonly [string, string]
  #calls = 0
  #key = ''
  #limitedKey = ''
  #poorKey = ''

  constructor(urls: readonly [string, string]) {
    this.#urls = urls
  }

  async prepare(): Promise<void> {
    const budget = { max_budget: 1_000, budget_duration: '30d' }
    const organization = await this.#manage('/organization/new', { organization_alias: 'Works', ...budget })
    const team = await this.#manage('/team/new', {
      team_alias: 'Platform',
      organization_id: organization['organization_id'],
      rpm_limit: 100_000,
      ...budget,
    })
    const user = await this.#manage('/user/new', { user_id: 'ada', user_email: 'ada@example.com', ...budget })
    const owner = { team_id: team['team_id'], user_id: user['user_id'] }
    const key = { ...owner, key_alias: 'ci', rpm_limit: 100_000, tpm_limit: 100_000_000, ...budget }
    this.#key = String((await this.#manage('/key/generate', key))['key'])
    this.#limitedKey = String(
      (await this.#manage('/key/generate', { key_alias: 'limited', rpm_limit: 1 }))['key'],
    )
    const poor = { key_alias: 'poor', max_budget: 0.000001, soft_budget: 0.0000001 }
    this.#poorKey = String((await this.#manage('/key/generate', poor))['key'])
  }

  async viewerKey(): Promise<string> {
    return String((await this.#manage('/user/new', { user_role: 'proxy_admin_viewer' }))['key'])
  }

  async round(): Promise<void> {
    const stream = { stream: true }
    await Promise.all([
      this.chat({ ...stream }),
      this.chat({ body: { user: 'end-user-1' } }),
      this.chat({ say: 'cached=2048 input=100 reasoning=20' }),
      this.chat({ say: 'tier=flex' }),
      this.chat({ model: 'unpriced' }),
      this.chat({ model: 'nobody-knows-it' }),
      this.chat({ say: 'fault=500' }),
      this.chat({ say: 'fault=401' }),
      this.chat({ ...stream, say: 'tokens=40 fault=cut@2' }),
      this.chat({ key: this.#limitedKey }),
      this.chat({ key: this.#limitedKey }),
      this.chat({ key: this.#poorKey }),
      this.#claude('written=512 cached=1024'),
      this.#leave(),
      this.#batch(),
      ...Array.from({ length: 3 }, () => this.chat({ say: 'say=always_the_same', body: { seed: 1 } })),
    ])
    // Asked once more, the cache has it.
    await this.chat({ say: 'say=always_the_same', body: { seed: 1 } })
  }

  /** More of them than the second gateway may have series, although every other call goes to the first. */
  async manyPrograms(): Promise<void> {
    const names = Array.from({ length: 3 * MAX_SERIES }, (_, index) => `program/${index}`)
    await Promise.all(names.map((userAgent) => this.chat({ userAgent })))
  }

  /** Whether the second gateway, which shows its metrics to everyone, has series of all these. */
  async show(metrics: readonly string[]): Promise<boolean> {
    const page = await (await fetch(`${this.#urls[1]}/metrics`)).text()
    return metrics.every((name) => page.includes(`\n${name}{`))
  }

  async chat({ key = this.#key, model = 'gpt', say, stream = false, userAgent, body }: Chat): Promise<void> {
    const isSame = body?.['seed'] !== undefined
    const text = `${isSame ? 'again' : this.#calls} ${say === undefined ? '' : `[[sim ${say}]]`}`
    await this.#post(
      '/v1/chat/completions',
      { model, stream, messages: [{ role: 'user', content: text }], ...body },
      { authorization: `Bearer ${key}`, ...(userAgent === undefined ? {} : { 'user-agent': userAgent }) },
    )
  }

  async #claude(say: string): Promise<void> {
    const messages = [{ role: 'user', content: `${this.#calls} [[sim ${say}]]` }]
    await this.#post(
      '/v1/messages',
      { model: 'claude', max_tokens: 64, messages },
      { 'x-api-key': this.#key, 'anthropic-version': '2023-06-01' },
    )
  }

  async #batch(): Promise<void> {
    const url = this.#url()
    const headers = { authorization: `Bearer ${this.#key}` }
    const form = new FormData()
    form.append('purpose', 'batch')
    form.append('file', batchFile([{}]))
    const upload = await fetch(`${url}/v1/files`, { method: 'POST', headers, body: form }).catch(
      () => undefined,
    )
    // While PostgreSQL is away there are no files.
    if (upload?.ok !== true) return
    const { id } = (await upload.json()) as { readonly id: string }
    await this.#post(
      '/v1/batches',
      { input_file_id: id, endpoint: '/v1/chat/completions', completion_window: '24h' },
      headers,
    )
  }

  /** A client that leaves after the first bytes. */
  async #leave(): Promise<void> {
    const controller = new AbortController()
    const messages = [{ role: 'user', content: `${this.#calls} [[sim tokens=400 interval=20]]` }]
    const answer = await fetch(`${this.#url()}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt', stream: true, messages }),
      signal: controller.signal,
    }).catch(() => undefined)
    await answer?.body?.getReader().read()
    controller.abort()
  }

  /** The gateways take turns. A connection that breaks is part of the troubles. */
  async #post(path: string, body: unknown, headers: Record<string, string>): Promise<void> {
    await fetch(this.#url() + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
      .then((answer) => answer.arrayBuffer())
      .catch(() => undefined)
  }

  #url(): string {
    this.#calls += 1
    return this.#urls[this.#calls % 2] ?? ''
  }

  async #manage(path: string, body: unknown): Promise<Record<string, unknown>> {
    const answer = await fetch(this.#urls[0] + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as Record<string, unknown>
  }
}
