/** Everything that a scenario runs on: pods behind nginx, a database and a Redis of its own, a provider with a meter. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { MeterEntry } from '../../src/sim/index.ts'
import { configOf } from '../money/price-list.ts'
import { startProgram, type Program } from '../money/program.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { startRedis, type TestRedis } from '../redis.ts'
import { Kubelet } from './kubelet.ts'
import { LoadBalancer } from './load-balancer.ts'
import { MASTER_KEY, Pod } from './pod.ts'
import { StoreProxy } from './store-proxy.ts'

export interface PlatformOptions {
  readonly pods: number
  /** Over the settings that every platform has. */
  readonly generalSettings?: Readonly<Record<string, unknown>>
  /**
   * Pods wait for Redis for seconds: what is looked at is how they count together, and a busy machine must not be taken
   * for a Redis that is away.
   */
  readonly patientWithRedis?: boolean
  /** Stores that the pods reach through a wire that can be cut. */
  readonly wires?: readonly ('postgresql' | 'redis')[]
  /** More environment for the pod of this number. */
  readonly environment?: (pod: number) => Readonly<Record<string, string>>
  /** Account that the pods sign in to PostgreSQL with, instead of its owner. */
  readonly databaseUser?: string
}

const MAX_PROGRAMS = 64
/** The probes here come ten times a second. */
const SHORT_NOTICE = { SLUICE_DRAIN_NOTICE_SECONDS: '0.5' }
const MANAGE_TIMEOUT_MS = 30_000

type Json = Readonly<Record<string, unknown>>

export class Platform implements AsyncDisposable {
  readonly postgresql: TestPostgresql
  readonly redis: TestRedis
  readonly pods: readonly Pod[]
  readonly balancer: LoadBalancer
  /** The database of its owner, past any wire. */
  readonly databaseUrl: string
  readonly wires: { readonly postgresql?: StoreProxy; readonly redis?: StoreProxy }
  readonly #simulator: Program
  readonly #stack: AsyncDisposableStack

  private constructor(parts: Parts, stack: AsyncDisposableStack) {
    this.postgresql = parts.postgresql
    this.redis = parts.redis
    this.pods = parts.pods
    this.balancer = parts.balancer
    this.databaseUrl = parts.databaseUrl
    this.wires = parts.wires
    this.#simulator = parts.simulator
    this.#stack = stack
  }

  static async start(options: PlatformOptions): Promise<Platform> {
    const stack = new AsyncDisposableStack()
    try {
      return new Platform(await build(options, stack), stack)
    } catch (error) {
      await stack.disposeAsync()
      throw error
    }
  }

  get url(): string {
    return this.balancer.url
  }

  pod(number: number): Pod {
    const pod = this.pods[number]
    if (pod === undefined) throw new RangeError(`there is no pod ${number}`)
    return pod
  }

  /** A management request with the master key, sent again while the answer is to try again shortly. @throws when it is refused. */
  async manage(path: string, body: Json, url = this.pod(0).url): Promise<Json> {
    const giveUpAtMs = Date.now() + MANAGE_TIMEOUT_MS
    for (;;) {
      const answer = await fetch(url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      if (answer.ok) return (await answer.json()) as Json
      const text = await answer.text()
      if (answer.status !== 503 || Date.now() > giveUpAtMs)
        throw new Error(`${path}: ${answer.status} ${text}`)
      await delay(200)
    }
  }

  /** A new virtual key. */
  async newKey(fields: Json = {}): Promise<string> {
    return String((await this.manage('/key/generate', fields))['key'])
  }

  /** What the provider has billed so far. */
  async meter(): Promise<readonly MeterEntry[]> {
    const answer = await fetch(`${this.#simulator.url}/__sim/meter`)
    const { entries } = (await answer.json()) as { entries: readonly MeterEntry[] }
    return entries
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

interface Parts {
  readonly postgresql: TestPostgresql
  readonly redis: TestRedis
  readonly pods: readonly Pod[]
  readonly balancer: LoadBalancer
  readonly databaseUrl: string
  readonly wires: Platform['wires']
  readonly simulator: Program
}

async function build(options: PlatformOptions, stack: AsyncDisposableStack): Promise<Parts> {
  // Each program has a listener that ends it with this process.
  process.setMaxListeners(MAX_PROGRAMS)
  const directory = mkdtempSync(join(tmpdir(), 'sluice-chaos-'))
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  const postgresql = stack.use(await startPostgresql())
  const redis = stack.use(await startRedis())
  const databaseUrl = await makeDatabase(postgresql, options.databaseUser)
  const simulator = await startProgram(['sim'])
  stack.defer(async () => void (await simulator.stop('SIGTERM')))
  const wires = await layWires(redis, databaseUrl, options, stack)
  const configFile = join(directory, 'config.yaml')
  writeFileSync(configFile, configuration(simulator.url, options))
  const stores = storeAddresses(redis, databaseUrl, wires, options)
  const pods = await Promise.all(
    Array.from({ length: options.pods }, async (_, number) => {
      const environment = { ...stores, ...SHORT_NOTICE, ...options.environment?.(number) }
      return await Pod.create({ name: `pod-${number}`, directory, configFile, environment })
    }),
  )
  // Whatever is left of them when a scenario has failed.
  stack.defer(async () => void (await Promise.all(pods.map((pod) => pod.kill()))))
  await Promise.all(pods.map((pod) => pod.start()))
  const balancer = stack.use(await LoadBalancer.start(pods.map((pod) => pod.port)))
  const kubelet = new Kubelet(pods, balancer)
  stack.defer(() => kubelet.stop())
  kubelet.start()
  return { postgresql, redis, pods, balancer, databaseUrl, wires, simulator }
}

/** An empty database, owned by this account or else by the server's own. */
async function makeDatabase(postgresql: TestPostgresql, owner: string | undefined): Promise<string> {
  const url = await postgresql.createDatabase()
  if (owner === undefined) return url
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`create role ${owner} login`)
    await client.query(`alter database ${new URL(url).pathname.slice(1)} owner to ${owner}`)
  } finally {
    await client.end()
  }
  return url
}

async function layWires(
  redis: TestRedis,
  databaseUrl: string,
  options: PlatformOptions,
  stack: AsyncDisposableStack,
): Promise<Platform['wires']> {
  const wanted = options.wires ?? []
  const lay = async (port: number): Promise<StoreProxy> => stack.use(await StoreProxy.start(port))
  return {
    ...(wanted.includes('postgresql') ? { postgresql: await lay(Number(new URL(databaseUrl).port)) } : {}),
    ...(wanted.includes('redis') ? { redis: await lay(redis.port) } : {}),
  }
}

/** The environment that tells a pod its stores. */
function storeAddresses(
  redis: TestRedis,
  databaseUrl: string,
  wires: Platform['wires'],
  options: PlatformOptions,
): Readonly<Record<string, string>> {
  const database = new URL(databaseUrl)
  if (wires.postgresql !== undefined) database.port = String(wires.postgresql.port)
  if (options.databaseUser !== undefined) database.username = options.databaseUser
  const shared = new URL(redis.url)
  if (wires.redis !== undefined) shared.port = String(wires.redis.port)
  const patience = options.patientWithRedis === true ? { REDIS_SOCKET_TIMEOUT: '10' } : {}
  return { DATABASE_URL: database.href, REDIS_URL: shared.href, ...patience }
}

/**
 * The money proof's models and prices. `allow_requests_on_db_unavailable` is what keeps pods ready, and so in their
 * load balancer, while PostgreSQL is away.
 */
function configuration(simulatorUrl: string, options: PlatformOptions): string {
  const config = JSON.parse(configOf(simulatorUrl, MASTER_KEY, true)) as Record<string, Json>
  return JSON.stringify({
    ...config,
    general_settings: {
      ...config['general_settings'],
      allow_requests_on_db_unavailable: true,
      ...options.generalSettings,
    },
    router_settings: { ...config['router_settings'], timeout: 60 },
  })
}
