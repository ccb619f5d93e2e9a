/** A Redis cluster, and a primary with a replica under a sentinel, for tests. */
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import { startRedis, startSentinel, type TestRedis, type TestRedisOptions } from './redis.ts'

export interface TestRedisCluster extends AsyncDisposable {
  /** Each holds a part of the slots; there are no replicas. */
  readonly nodes: readonly TestRedis[]
}

const SLOTS = 16_384

/** A cluster whose slots are shared out and whose nodes all know each other. */
export async function startRedisCluster(nodeCount = 3): Promise<TestRedisCluster> {
  const stack = new AsyncDisposableStack()
  const nodes: TestRedis[] = []
  for (let index = 0; index < nodeCount; index++) nodes.push(stack.use(await startNode()))
  const [first] = nodes
  for (const [index, node] of nodes.entries()) {
    const [from, to] = [index, index + 1].map((part) => Math.floor((part * SLOTS) / nodeCount)) as [
      number,
      number,
    ]
    await node.command('cluster', 'addslotsrange', String(from), String(to - 1))
    if (first !== undefined && node !== first) await meet(node, first)
  }
  for (const node of nodes) {
    await until(async () => {
      const state = await node.command('cluster', 'info')
      return state.includes('cluster_state:ok') && state.includes(`cluster_known_nodes:${nodeCount}`)
    })
  }
  return { nodes, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function startNode(): Promise<TestRedis> {
  return startRedis({
    settings: ['cluster-enabled yes', `cluster-port ${await freePort()}`, 'cluster-node-timeout 2000'],
  })
}

async function meet(node: TestRedis, other: TestRedis): Promise<void> {
  const busPort = (await other.command('config', 'get', 'cluster-port')).split('\n')[1] ?? ''
  await node.command('cluster', 'meet', '127.0.0.1', String(other.port), busPort)
}

export interface TestRedisSentinel extends AsyncDisposable {
  readonly primary: TestRedis
  readonly replica: TestRedis
  readonly sentinel: TestRedis
  /** The name that the sentinel knows the primary by. */
  readonly serviceName: string
  /** Port of the server that the sentinel calls the primary now. */
  primaryPort(): Promise<number>
}

/** The sentinel promotes the replica within about two seconds of the primary's death. */
export async function startRedisSentinel(
  options: Pick<TestRedisOptions, 'password'> = {},
): Promise<TestRedisSentinel> {
  const stack = new AsyncDisposableStack()
  const serviceName = 'sluice-primary'
  const primary = stack.use(await startRedis(options))
  const replica = stack.use(
    await startRedis({ ...options, settings: [`replicaof 127.0.0.1 ${primary.port}`] }),
  )
  await until(async () => (await replica.command('info', 'replication')).includes('master_link_status:up'))
  const sentinel = stack.use(await startSentinel(watching(serviceName, primary.port, options.password)))
  await until(async () =>
    (await sentinel.command('sentinel', 'replicas', serviceName)).includes('slave-priority'),
  )
  return {
    primary,
    replica,
    sentinel,
    serviceName,
    primaryPort: async () => {
      const answer = await sentinel.command('sentinel', 'get-master-addr-by-name', serviceName)
      return Number(answer.split('\n')[1])
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function watching(serviceName: string, port: number, password: string | undefined): readonly string[] {
  return [
    `sentinel monitor ${serviceName} 127.0.0.1 ${port} 1`,
    `sentinel down-after-milliseconds ${serviceName} 300`,
    `sentinel failover-timeout ${serviceName} 2000`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${serviceName} ${password}`]),
  ]
}

/** A server tells no event for these: asked again and again until it is so. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('the Redis servers did not come together within 20 s')
    await sleep(20)
  }
}
