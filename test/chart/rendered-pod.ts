/** Runs what a manifest says as a kubelet would: environment, files, probes, the stop in its order. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Manifest } from './helm.ts'
import { Container, type Image, type Mount } from './image.ts'
import { at, containerOf, listAt, podOf } from './look.ts'

/** What pods find in their cluster. */
export interface Cluster {
  readonly image: Image
  /** All objects: the chart's, and those that were there before. */
  readonly manifests: readonly Manifest[]
  /** A folder of the test's, for volumes. */
  readonly folder: string
  /** Addresses by the names of Services. */
  readonly hosts: Readonly<Record<string, string>>
}

const PROBE_INTERVAL_MS = 100
const RESTART_DELAY_MS = 500
const READY_TIMEOUT_MS = 60_000

/** Variables by name, with Secrets looked up and `$(NAME)` filled in. */
function variablesOf(manifest: Manifest, cluster: Cluster): Record<string, string> {
  const variables: Record<string, string> = {}
  for (const source of listAt(containerOf(manifest), 'envFrom')) {
    const name = String(at(source, 'secretRef.name') ?? at(source, 'configMapRef.name'))
    Object.assign(variables, dataOf(name, cluster))
  }
  for (const entry of listAt(containerOf(manifest), 'env')) {
    const secret = at(entry, 'valueFrom.secretKeyRef') as { name: string; key: string } | undefined
    const text = secret === undefined ? String(entry['value']) : dataOf(secret.name, cluster)[secret.key]
    if (text === undefined) throw new Error(`Secret ${secret?.name} has no key ${secret?.key}`)
    const filled = text.replaceAll(/\$\((\w+)\)/g, (whole, name: string) => variables[name] ?? whole)
    variables[String(entry['name'])] = filled
  }
  return variables
}

/** The content of a Secret or ConfigMap. */
function dataOf(name: string, cluster: Cluster): Readonly<Record<string, string>> {
  const found = cluster.manifests.find(
    (one) => ['Secret', 'ConfigMap'].includes(one.kind) && one.metadata.name === name,
  )
  if (found === undefined) throw new Error(`there is neither a Secret nor a ConfigMap ${name}`)
  const data = (found['data'] ?? {}) as Readonly<Record<string, string>>
  if (found.kind === 'ConfigMap') return data
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  )
}

/** Makes the pod's volumes in its folder. */
function mountsOf(manifest: Manifest, cluster: Cluster, folder: string): readonly Mount[] {
  const owner = Number(at(podOf(manifest), 'securityContext.fsGroup'))
  for (const volume of listAt(podOf(manifest), 'volumes')) {
    const path = join(folder, String(volume['name']))
    mkdirSync(path, { recursive: true })
    chownSync(path, owner, owner)
    for (const item of listAt(volume, 'configMap.items')) {
      const name = String(item['path'])
      symlinkSync(join('..data', name), join(path, name))
      const content = dataOf(String(at(volume, 'configMap.name')), cluster)[String(item['key'])] ?? ''
      publish(path, name, content)
    }
  }
  const hosts = join(folder, 'hosts')
  const lines = Object.entries({ localhost: '127.0.0.1', ...cluster.hosts })
  writeFileSync(hosts, lines.map(([name, address]) => `${address} ${name}\n`).join(''))
  return [
    { source: hosts, path: '/etc/hosts', readOnly: true },
    ...listAt(containerOf(manifest), 'volumeMounts').map((mount) => ({
      source: join(folder, String(mount['name'])),
      path: String(mount['mountPath']),
      readOnly: mount['readOnly'] === true,
    })),
  ]
}

/** Puts a file of a ConfigMap's volume in place as a kubelet does: in a new folder, to which a link is then moved. */
function publish(volume: string, name: string, content: string): void {
  const folder = mkdtempSync(`${volume}/..`)
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, name), content)
  const link = join(volume, '..data.new')
  symlinkSync(basename(folder), link)
  renameSync(link, join(volume, '..data'))
}

/** Runs a Job's pod to its end, however often it takes. @returns what it printed. */
export async function runJob(job: Manifest, cluster: Cluster): Promise<string> {
  const pod = new RenderedPod(job, cluster, 'job', {})
  for (let tries = Number(at(job, 'spec.backoffLimit')) + 1; tries > 0; tries -= 1) {
    const container = pod.startContainer()
    if ((await container.ended) === 0) return container.output
  }
  throw new Error(`the Job failed: ${pod.output}`)
}

export class RenderedPod {
  restarts = 0
  readonly port: number
  readonly #manifest: Manifest
  readonly #image: Image
  readonly #mounts: readonly Mount[]
  readonly #env: Readonly<Record<string, string>>
  readonly #folder: string
  readonly #containers: Container[] = []
  #isGoing = false

  /** @param env what takes the place of an address of its own: pods here share one. */
  constructor(manifest: Manifest, cluster: Cluster, name: string, env: Readonly<Record<string, string>>) {
    const folder = join(cluster.folder, name)
    rmSync(folder, { recursive: true, force: true })
    this.#folder = folder
    this.#manifest = manifest
    this.#image = cluster.image
    this.#mounts = mountsOf(manifest, cluster, folder)
    this.#env = { ...variablesOf(manifest, cluster), ...env }
    this.port = Number(this.#env['PORT'])
  }

  get output(): string {
    return this.#containers.map((one) => one.output).join('\n')
  }

  /** Starts the container, and again whenever it ends by itself. */
  start(): this {
    const container = this.startContainer()
    void container.ended.then(async () => {
      await delay(RESTART_DELAY_MS)
      if (this.#isGoing) return
      this.restarts += 1
      this.start()
    })
    return this
  }

  startContainer(): Container {
    const { args = [], command } = containerOf(this.#manifest) as { args?: string[]; command?: string[] }
    const options = {
      args,
      env: this.#env,
      mounts: this.#mounts,
      ...(command === undefined ? {} : { command }),
    }
    const container = new Container(this.#image, options)
    this.#containers.push(container)
    return container
  }

  /** The ConfigMap with the config file has changed, and the kubelet has noticed. */
  changeConfig(content: string): void {
    publish(join(this.#folder, 'sluice-config'), 'config.yaml', content)
  }

  /** Whether the probe of that name succeeds now. */
  async probe(name: 'startupProbe' | 'livenessProbe' | 'readinessProbe'): Promise<boolean> {
    const path = String(at(containerOf(this.#manifest), `${name}.httpGet.path`))
    try {
      const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, { headers: { connection: 'close' } })
      await answer.body?.cancel()
      return answer.ok
    } catch {
      return false
    }
  }

  /** Resolves when the startup probe and then the readiness probe succeed. */
  async ready(): Promise<this> {
    const giveUpAtMs = Date.now() + READY_TIMEOUT_MS
    for (const name of ['startupProbe', 'readinessProbe'] as const) {
      while (!(await this.probe(name))) {
        if (Date.now() > giveUpAtMs) throw new Error(`the ${name} never succeeded: ${this.output}`)
        await delay(PROBE_INTERVAL_MS)
      }
    }
    return this
  }

  /** The stop in Kubernetes' order. @returns how the container ended. */
  async delete(): Promise<number | NodeJS.Signals> {
    this.#isGoing = true
    const container = this.#containers.at(-1)
    if (container === undefined) throw new Error('the pod was never started')
    const sleepSeconds = Number(at(containerOf(this.#manifest), 'lifecycle.preStop.sleep.seconds'))
    const graceSeconds = Number(podOf(this.#manifest)['terminationGracePeriodSeconds'])
    await delay(sleepSeconds * 1000)
    container.kill('SIGTERM')
    const timer = setTimeout(() => container.kill('SIGKILL'), (graceSeconds - sleepSeconds) * 1000)
    const end = await container.ended
    clearTimeout(timer)
    return end
  }
}
