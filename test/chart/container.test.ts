/** The image, and what the chart renders of it, run for real: under load, behind nginx, with PostgreSQL and Redis. */
import { execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSimulator } from '../../src/sim/index.ts'
import { Load } from '../chaos/load.ts'
import { LoadBalancer } from '../chaos/load-balancer.ts'
import { freePort } from '../free-port.ts'
import { startPostgresql } from '../postgresql.ts'
import { bringHelm, type Manifest, type Values } from './helm.ts'
import { buildImage, canRunImages, Container, type ContainerOptions, type Image } from './image.ts'
import { at, containerOf, only, workload } from './look.ts'
import { RenderedPod, runJob, type Cluster } from './rendered-pod.ts'

/** What distroless' image of C libraries brings, with some room: nothing of it is built here. */
const BASE_IMAGE_MB = 40

describe.skipIf(!canRunImages())('the image', () => {
  let image: Image
  const folder = mkdtempSync(join(tmpdir(), 'sluice-container-'))

  beforeAll(async () => {
    image = await buildImage()
  }, 240_000)

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  const run = async (
    options: ContainerOptions,
  ): Promise<{ readonly code: unknown; readonly output: string }> => {
    const container = new Container(image, options)
    return { code: await container.ended, output: container.output }
  }

  test('is under 200 MB', () => {
    const megabytes = ['opt', 'usr/local', 'usr/lib']
      .map((part) => execFileSync('du', ['-sm', join(image.root, part)], { encoding: 'utf8' }))
      .reduce((sum, line) => sum + Number.parseInt(line, 10), 0)
    expect(megabytes).toBeLessThan(200 - BASE_IMAGE_MB)
  })

  test('holds production dependencies only, and lists them', () => {
    const installed = (name: string): boolean => existsSync(join(image.root, 'opt/sluice/node_modules', name))
    expect(['fastify', 'pg', 'undici'].every(installed)).toBe(true)
    expect(['typescript', 'vitest', '@types/node'].some(installed)).toBe(false)
    const sbom = JSON.parse(readFileSync(join(image.root, 'opt/sluice/sbom.cdx.json'), 'utf8')) as {
      readonly components: readonly { readonly name: string }[]
    }
    const names = sbom.components.map((one) => one.name)
    expect(names).toContain('fastify')
    expect(names).not.toContain('vitest')
  })

  test('holds the licence of each package whose code is in the program, and no links to their commands', () => {
    const folder = join(image.root, 'opt/sluice/node_modules')
    const places = ['*', '@*/*', '**/node_modules/*', '**/node_modules/@*/*']
    const packages = globSync(
      places.map((place) => `${place}/package.json`),
      { cwd: folder },
    ).map((file) => dirname(file))
    expect(packages).toContain('fastify')
    const isLicence = (name: string): boolean => /^(licen[cs]e|copying|readme)/i.test(name)
    expect(packages.filter((place) => !readdirSync(join(folder, place)).some(isLicence))).toEqual([])
    expect(existsSync(join(folder, '.bin'))).toBe(false)
  })

  test('answers to the name of LiteLLM’s command too', async () => {
    for (const command of ['sluice', 'litellm']) {
      const { code, output } = await run({ command: [command], args: ['--version'] })
      expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^sluice \d/) as string })
    }
  })

  test('runs without rights, on a file system that nothing can be written to', async () => {
    const script = `
      const attempts = ['/x', '/opt/sluice/x', '/tmp/x'].map((path) => {
        try { require('node:fs').writeFileSync(path, ''); return 'written' } catch (error) { return error.code }
      })
      console.log(JSON.stringify({ uid: process.getuid(), gid: process.getgid(), pid: process.pid, attempts }))`
    const { output } = await run({ command: ['node', '-e', script] })
    expect(JSON.parse(output)).toEqual({
      uid: 65532,
      gid: 65532,
      pid: 1,
      attempts: ['EROFS', 'EROFS', 'EROFS'],
    })
  })

  test('runs as whatever user the cluster chooses, as OpenShift does', async () => {
    const data = mkdtempSync(join(folder, 'data-'))
    execFileSync('chown', ['1000650000:1000650000', data])
    const mounts = [{ source: data, path: '/var/lib/sluice', readOnly: false }]
    const port = await freePort()
    const stranger = { ...image, user: '1000650000:1000650000' }
    const container = new Container(stranger, { mounts, env: { HOST: '127.0.0.1', PORT: String(port) } })
    while (!container.output.includes('"listening"')) {
      if (container.hasEnded) throw new Error(container.output)
      await delay(50)
    }
    container.kill('SIGTERM')
    expect(await container.ended).toBe(0)
  })

  test('starts from the compile cache of its build, as any user, and cannot write to it', async () => {
    const source = join(folder, 'cached.yaml')
    writeFileSync(source, 'model_list: []\n')
    const mounts = [{ source, path: '/app/config.yaml', readOnly: true }]
    const args = ['check', '--config', 'config.yaml']
    const cache = join(image.root, 'opt/sluice/dist/compile-cache')
    const written = (): string[] =>
      readdirSync(cache, { recursive: true, encoding: 'utf8' })
        .map((file) => `${file} ${statSync(join(cache, file)).mtimeMs}`)
        .toSorted()
    const before = written()
    expect(before).not.toEqual([])
    for (const user of [image.user, '1000650000:1000650000']) {
      const env = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }
      const container = new Container({ ...image, user }, { args, env, mounts })
      expect(await container.ended).toBe(0)
      expect(container.output).toMatch(/file:\/\/\/opt\/sluice\/dist\/load-config-\S+ was accepted/)
    }
    // Without a word.
    expect(await run({ args, mounts })).toMatchObject({
      code: 0,
      output: expect.not.stringContaining('cache') as string,
    })
    expect(written()).toEqual(before)
  })

  test('finds what is mounted to /app/config.yaml', async () => {
    const source = join(folder, 'config.yaml')
    writeFileSync(source, 'model_list: []\n')
    const mounts = [{ source, path: '/app/config.yaml', readOnly: true }]
    for (const file of ['/app/config.yaml', 'config.yaml']) {
      expect(await run({ args: ['check', '--config', file], mounts })).toMatchObject({ code: 0 })
    }
  })

  test('as first process it hears a signal, and ends in order', async () => {
    const data = mkdtempSync(join(folder, 'data-'))
    execFileSync('chown', [image.user, data])
    const mounts = [{ source: data, path: '/var/lib/sluice', readOnly: false }]
    const port = await freePort()
    const container = new Container(image, { mounts, env: { HOST: '127.0.0.1', PORT: String(port) } })
    while (!container.output.includes('"listening"')) {
      if (container.hasEnded) throw new Error(container.output)
      await delay(50)
    }
    container.kill('SIGTERM')
    expect(await container.ended).toBe(0)
  })
})

describe.skipIf(!canRunImages())('the chart’s pods', () => {
  const stack = new AsyncDisposableStack()
  let cluster: Cluster
  let deployment: Manifest
  let database: pg.Client

  beforeAll(async () => {
    const image = await buildImage()
    const folder = mkdtempSync(join(tmpdir(), 'sluice-cluster-'))
    stack.defer(() => rmSync(folder, { recursive: true, force: true }))
    const postgresql = stack.use(await startPostgresql())
    const url = await postgresql.createDatabase()
    database = new pg.Client({ connectionString: url })
    await database.connect()
    stack.defer(() => database.end())
    const simulator = await startSimulator({ port: 0 })
    stack.defer(() => simulator.close())
    const manifests = await (await bringHelm(4)).render(valuesFor(new URL(url), simulator.url))
    const redisHost = startRenderedRedis(manifests, folder, stack)
    cluster = {
      image,
      manifests: [...manifests, TEAM_SECRET],
      folder,
      hosts: { 'litellm-redis-master': redisHost },
    }
    deployment = workload(manifests)
  }, 240_000)

  afterAll(() => stack.disposeAsync())

  const startPod = async (name: string): Promise<RenderedPod> => {
    const port = String(await freePort())
    return new RenderedPod(deployment, cluster, name, { HOST: '127.0.0.1', PORT: port }).start()
  }

  test('wait for the migration, and roll under load without a failed call or a lost record', async () => {
    const early = await startPod('a1')
    await untilPrinted(early, 'Trying again')
    expect(await early.probe('readinessProbe')).toBe(false)
    expect(await runJob(only(cluster.manifests, 'Job'), cluster)).toContain('the schema is up to date')

    let pods = [await early.ready(), await (await startPod('a2')).ready()]
    await using balancer = await LoadBalancer.start(pods.map((pod) => pod.port))
    const route = (): void => balancer.route(pods.map((pod) => pod.port))
    const load = new Load(balancer.url, [MASTER_KEY])
    const over = new AbortController()
    const playing = [
      load.playSteadily(25, over.signal),
      load.playStreams(10, () => 'chunks=40 interval=50', over.signal),
    ]
    for (const [index, old] of pods.entries()) {
      // maxUnavailable 0, maxSurge 1: first the new one, then the old one goes.
      const fresh = await (await startPod(`b${index + 1}`)).ready()
      pods = [...pods, fresh]
      route()
      const going = old.delete()
      // The load balancer hears of it while the pod waits.
      await delay(300)
      pods = pods.filter((pod) => pod !== old)
      route()
      expect(await going).toBe(0)
    }
    over.abort()
    await Promise.all(playing)
    const failed = load.seen.filter((one) => one.status !== 200 || one.end !== 'whole')
    expect({ failed: failed.length, errors: balancer.errors() }).toEqual({ failed: 0, errors: [] })
    expect(load.seen.length).toBeGreaterThan(50)
    for (const pod of pods) expect(await pod.delete()).toBe(0)
    expect([...pods, early].map((pod) => pod.restarts)).toEqual([0, 0, 0])
    const { rows } = await database.query<{ count: string }>('select count(*) from sluice_call_log')
    expect(Number(rows[0]?.count)).toBe(load.seen.length)
  }, 120_000)

  test('take a changed ConfigMap up as they run', async () => {
    await runJob(only(cluster.manifests, 'Job'), cluster)
    const pod = await (await startPod('c1')).ready()
    const models = async (): Promise<string> => {
      const headers = { authorization: `Bearer ${MASTER_KEY}` }
      return await (await fetch(`http://127.0.0.1:${pod.port}/v1/models`, { headers })).text()
    }
    expect(await models()).not.toContain('added')
    pod.changeConfig(`
general_settings: { master_key: os.environ/PROXY_MASTER_KEY }
model_list: [{ model_name: added, litellm_params: { model: openai/added, api_key: os.environ/OPENAI_API_KEY } }]
`)
    await expect.poll(models, { timeout: 20_000 }).toContain('added')
    expect(await pod.delete()).toBe(0)
    expect(pod.restarts).toBe(0)
  }, 60_000)
})

const MASTER_KEY = 'sk-of-the-team'

/** A password that breaks a URL that it is written into as it is. */
const PASSWORD = 'p@ss/w:rd#?'

const TEAM_SECRET: Manifest = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'team' },
  data: Object.fromEntries(
    Object.entries({
      username: 'sluice',
      password: PASSWORD,
      key: MASTER_KEY,
      OPENAI_API_KEY: 'sk-provider',
    }).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  ),
}

function valuesFor(database: URL, simulatorUrl: string): Values {
  return {
    replicaCount: 2,
    // Short, for a test: nobody has to notice anything far away.
    preStopSleepSeconds: 1,
    envVars: { SLUICE_DRAIN_NOTICE_SECONDS: 1, SLUICE_DATABASE_WAIT_SECONDS: 60 },
    resources: { limits: { memory: '1Gi' } },
    environmentSecrets: ['team'],
    masterkeySecretName: 'team',
    masterkeySecretKey: 'key',
    db: {
      useExisting: true,
      endpoint: database.host,
      database: database.pathname.slice(1),
      secret: { name: 'team' },
    },
    redis: { enabled: true },
    proxy_config: {
      model_list: [
        {
          model_name: 'gpt',
          litellm_params: {
            model: 'openai/sim-gpt',
            api_base: `${simulatorUrl}/v1`,
            api_key: 'os.environ/OPENAI_API_KEY',
          },
        },
        {
          model_name: 'claude',
          litellm_params: { model: 'anthropic/sim-claude', api_base: simulatorUrl, api_key: 'sk-anthropic' },
        },
      ],
    },
  }
}

/** Starts Debian's Redis with the arguments rendered for the image. @returns an address of its own. */
function startRenderedRedis(
  manifests: readonly Manifest[],
  folder: string,
  stack: AsyncDisposableStack,
): string {
  const host = `127.${process.pid % 250}.${(process.pid >> 8) % 250}.6`
  const server = only(manifests, 'StatefulSet', 'litellm-valkey')
  const { args } = containerOf(server) as { readonly args: readonly string[] }
  const secret = String(at(only(manifests, 'Secret', 'litellm-redis'), 'data.redis-password'))
  const password = Buffer.from(secret, 'base64').toString()
  const filled = args.map((arg) => (arg === '/data' ? folder : arg.replace('$(REDIS_PASSWORD)', password)))
  const child = spawn('setpriv', ['--pdeathsig', 'SIGKILL', 'redis-server', ...filled, '--bind', host], {
    stdio: 'ignore',
  })
  stack.defer(() => void child.kill('SIGKILL'))
  return host
}

async function untilPrinted(pod: RenderedPod, text: string): Promise<void> {
  while (!pod.output.includes(text)) await delay(50)
}
