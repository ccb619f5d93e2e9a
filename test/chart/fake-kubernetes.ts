/**
 * A Kubernetes API of one process, as far as Helm talks to it: it keeps objects, lists and watches them, and reports
 * Jobs as complete at once. It tells what a chart and Helm do, not what a cluster accepts.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Manifest } from './helm.ts'
import { decodeSecret } from './release-secret.ts'

type Json = Record<string, unknown>

export interface FakeKubernetes extends AsyncDisposable {
  /** A file for `--kubeconfig`. */
  readonly kubeconfig: string
  /** Names of what was created, as `Kind/name`, in this order; Helm's own release records are left out. */
  readonly created: readonly string[]
  /** An object that is there now. */
  find(kind: string, name: string): Manifest | undefined
  /** Puts an object there, as if somebody else had made it. */
  put(manifest: Manifest): void
}

interface Resource {
  readonly kind: string
  readonly plural: string
}

/** The kinds that the chart makes, by group and version. */
const GROUPS: Readonly<Record<string, readonly Resource[]>> = {
  v1: ['Secret', 'ConfigMap', 'Service', 'ServiceAccount', 'Pod', 'Namespace'].map(resource),
  'apps/v1': ['Deployment', 'StatefulSet', 'ReplicaSet'].map(resource),
  'batch/v1': ['Job'].map(resource),
  'networking.k8s.io/v1': [
    { kind: 'Ingress', plural: 'ingresses' },
    { kind: 'NetworkPolicy', plural: 'networkpolicies' },
  ],
  'policy/v1': ['PodDisruptionBudget'].map(resource),
  'autoscaling/v2': ['HorizontalPodAutoscaler'].map(resource),
}

function resource(kind: string): Resource {
  return { kind, plural: `${kind.toLowerCase()}s` }
}

export async function startFakeKubernetes(): Promise<FakeKubernetes> {
  const fake = new Fake()
  await fake.start()
  return fake
}

class Fake implements FakeKubernetes {
  readonly created: string[] = []
  readonly #objects = new Map<string, Json>()
  readonly #folder = mkdtempSync(join(tmpdir(), 'sluice-kubernetes-'))
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  #version = 1

  get kubeconfig(): string {
    return join(this.#folder, 'kubeconfig')
  }

  async start(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.listen(0, '127.0.0.1', resolve)
    await promise
    const server = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'fake',
      clusters: [{ name: 'fake', cluster: { server } }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
      users: [{ name: 'fake', user: {} }],
    }
    writeFileSync(this.kubeconfig, JSON.stringify(config))
  }

  find(kind: string, name: string): Manifest | undefined {
    for (const object of this.#objects.values()) {
      const manifest = object as unknown as Manifest
      if (manifest.kind === kind && manifest.metadata.name === name) return manifest
    }
    return undefined
  }

  put(manifest: Manifest): void {
    const place = placeOf(manifest)
    this.#store(place, manifest as unknown as Json)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    await promise
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake')
    const body = Buffer.concat(await request.toArray())
    // An empty message: hooks are validated against it, whatever the flags say.
    if (url.pathname === '/openapi/v2') return void response.end()
    const discovery = discoveryOf(url.pathname)
    if (discovery !== undefined) return send(response, 200, discovery)
    if (url.searchParams.get('watch') === 'true') return this.#watch(url, response)
    const place = placeAt(url.pathname)
    switch (request.method ?? '') {
      case 'GET':
        return place.name === undefined
          ? send(response, 200, this.#list(url, place))
          : this.#sendObject(response, url.pathname)
      case 'POST': {
        const object = bodyOf(body, place)
        const path = `${url.pathname}/${(object as unknown as Manifest).metadata.name}`
        if (this.#objects.has(path)) return sendStatus(response, 409, 'AlreadyExists')
        return send(response, 201, this.#store(path, object))
      }
      case 'PUT':
        return send(response, 200, this.#store(url.pathname, bodyOf(body, place)))
      case 'PATCH': {
        const patch = parse(body.toString()) as Json
        const isApply = request.headers['content-type']?.includes('apply-patch') === true
        const before = this.#objects.get(url.pathname)
        if (before === undefined && !isApply) return sendStatus(response, 404, 'NotFound')
        return send(
          response,
          200,
          this.#store(url.pathname, isApply ? patch : (merged(before, patch) as Json)),
        )
      }
      case 'DELETE': {
        const existed = this.#objects.delete(url.pathname)
        return existed
          ? send(response, 200, { kind: 'Status', apiVersion: 'v1', status: 'Success' })
          : sendStatus(response, 404, 'NotFound')
      }
      default:
        return sendStatus(response, 405, 'MethodNotAllowed')
    }
  }

  #sendObject(response: ServerResponse, path: string): void {
    const object = this.#objects.get(path)
    if (object === undefined) sendStatus(response, 404, 'NotFound')
    else send(response, 200, object)
  }

  #store(path: string, given: Json): Json {
    const metadata = { uid: path, creationTimestamp: '2026-01-01T00:00:00Z', ...(given['metadata'] as Json) }
    const object: Json = {
      ...given,
      metadata: { ...metadata, generation: 1, resourceVersion: String(++this.#version) },
      ...statusOf(String(given['kind'])),
    }
    const name = `${String(object['kind'])}/${String(metadata['name' as keyof typeof metadata])}`
    if (!this.#objects.has(path) && !name.includes('sh.helm.release')) this.created.push(name)
    this.#objects.set(path, object)
    return object
  }

  #matching(url: URL): readonly Json[] {
    const inFolder = [...this.#objects]
      .filter(([path]) => path.startsWith(`${url.pathname}/`))
      .map(([, object]) => object)
    return inFolder.filter((object) => isSelected(object as unknown as Manifest, url.searchParams))
  }

  #list(url: URL, place: Place): Json {
    const metadata = { resourceVersion: String(this.#version) }
    return { apiVersion: place.apiVersion, kind: `${place.kind}List`, metadata, items: this.#matching(url) }
  }

  /** Everything that is there, and the bookmark that ends it. Nothing changes while somebody watches. */
  #watch(url: URL, response: ServerResponse): void {
    const place = placeAt(url.pathname)
    response.writeHead(200, { 'content-type': 'application/json' })
    for (const object of this.#matching(url)) response.write(`${JSON.stringify({ type: 'ADDED', object })}\n`)
    const metadata = {
      resourceVersion: String(this.#version),
      annotations: { 'k8s.io/initial-events-end': 'true' },
    }
    const { apiVersion, kind } = place
    response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { apiVersion, kind, metadata } })}\n`)
  }
}

/** What a cluster would have brought about soon. */
function statusOf(kind: string): Json {
  const condition = (type: string): Json => ({
    type,
    status: 'True',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  })
  if (kind === 'Job') return { status: { succeeded: 1, conditions: [condition('Complete')] } }
  if (kind === 'Pod') return { status: { phase: 'Succeeded', conditions: [condition('Ready')] } }
  return {}
}

function isSelected(manifest: Manifest, query: URLSearchParams): boolean {
  const labels = (manifest.metadata['labels'] ?? {}) as Readonly<Record<string, string>>
  const selected = (query.get('labelSelector') ?? '').split(',').filter((term) => term !== '')
  const name = query.get('fieldSelector')?.replace('metadata.name=', '')
  return (
    (name === undefined || name === manifest.metadata.name) &&
    selected.every((term) => {
      const [key = '', value = ''] = term.split(/==?/)
      return labels[key] === value
    })
  )
}

interface Place {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string | undefined
  readonly name: string | undefined
}

function placeAt(path: string): Place {
  const match = /^\/(?:api|apis)\/((?:[\w.]+\/)?v\w+)(?:\/namespaces\/([\w-]+))?\/(\w+)(?:\/([^/]+))?$/.exec(
    path,
  )
  const [, apiVersion = '', namespace, plural, name] = match ?? []
  const kind = GROUPS[apiVersion]?.find((one) => one.plural === plural)?.kind
  // A namespace itself is not in one.
  if (kind === undefined)
    return { apiVersion: 'v1', kind: 'Namespace', namespace: undefined, name: namespace }
  return { apiVersion, kind, namespace, name }
}

function placeOf(manifest: Manifest): string {
  const plural = GROUPS[manifest.apiVersion]?.find((one) => one.kind === manifest.kind)?.plural
  if (plural === undefined) throw new Error(`${manifest.kind} is not known here`)
  const group = manifest.apiVersion.includes('/')
    ? `apis/${manifest.apiVersion}`
    : `api/${manifest.apiVersion}`
  return `/${group}/namespaces/${String(manifest.metadata['namespace'])}/${plural}/${manifest.metadata.name}`
}

/** An object as it arrives: JSON, or the protobuf of Helm's release records. */
function bodyOf(body: Buffer, place: Place): Json {
  if (!body.subarray(0, 4).equals(Buffer.from('k8s\0'))) return parse(body.toString()) as Json
  const { name, labels, type, data } = decodeSecret(body)
  const metadata = { name, labels, namespace: place.namespace }
  return { apiVersion: 'v1', kind: 'Secret', metadata, type, data }
}

/** A merge patch; lists whose members have names are merged by name. */
function merged(before: unknown, patch: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(patch)) {
    const names = (list: readonly unknown[]): unknown[] => list.map((one) => (one as Json)['name'])
    if (!names(patch).every((name) => typeof name === 'string')) return patch
    const kept = before.map((one: unknown) => {
      const change = (patch as unknown[]).find((other) => (other as Json)['name'] === (one as Json)['name'])
      return change === undefined ? one : merged(one, change)
    })
    return [...kept, ...(patch as unknown[]).filter((one) => !names(before).includes((one as Json)['name']))]
  }
  if (!isObject(before) || !isObject(patch)) return patch
  const result: Json = { ...before }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue
    if (value === null) delete result[key]
    else result[key] = merged(before[key], value)
  }
  return result
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function discoveryOf(path: string): unknown {
  if (path === '/version') return { major: '1', minor: '33', gitVersion: 'v1.33.0' }
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] }
  if (path === '/apis') {
    const groups = Object.keys(GROUPS)
      .filter((groupVersion) => groupVersion.includes('/'))
      .map((groupVersion) => {
        const [name = '', version = ''] = groupVersion.split('/')
        const versions = [{ groupVersion, version }]
        return { name, versions, preferredVersion: versions[0] }
      })
    return { kind: 'APIGroupList', apiVersion: 'v1', groups }
  }
  const groupVersion = /^\/apis?\/((?:[\w.]+\/)?v\w+)$/.exec(path)?.[1]
  const resources = groupVersion === undefined ? undefined : GROUPS[groupVersion]
  if (resources === undefined) return undefined
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: resources.map(({ kind, plural }) => ({
      name: plural,
      singularName: kind.toLowerCase(),
      namespaced: kind !== 'Namespace',
      kind,
      verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
    })),
  }
}

function send(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function sendStatus(response: ServerResponse, code: number, reason: string): void {
  send(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code, message: reason })
}
