/** Looks into rendered manifests: a document by kind and name, and what stands in it by path. */
import type { Manifest } from './helm.ts'

/** @throws Error unless there is exactly one such document; it tells which there are. */
export function only(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = all(manifests, kind).filter((one) => name === undefined || one.metadata.name === name)
  const [first] = found
  if (first === undefined || found.length > 1) {
    const present = manifests.map((one) => `${one.kind}/${one.metadata.name}`).join(', ')
    throw new Error(`expected one ${kind}${name === undefined ? '' : `/${name}`} among ${present}`)
  }
  return first
}

export function all(manifests: readonly Manifest[], kind: string): readonly Manifest[] {
  return manifests.filter((one) => one.kind === kind)
}

/** The value at a path of keys and indexes, as `spec.template.spec.containers.0.image`; undefined where it ends. */
export function at(value: unknown, path: string): unknown {
  let current = value
  for (const key of path.split('.')) {
    if (typeof current !== 'object' || current === null) return undefined
    current = (current as Readonly<Record<string, unknown>>)[key]
  }
  return current
}

export function listAt(value: unknown, path: string): readonly Readonly<Record<string, unknown>>[] {
  const found = at(value, path)
  return Array.isArray(found) ? (found as readonly Readonly<Record<string, unknown>>[]) : []
}

const POD = 'spec.template.spec'

/** The gateway's workload: a Deployment, or a StatefulSet. */
export function workload(manifests: readonly Manifest[]): Manifest {
  const isGateway = (one: Manifest): boolean => {
    const labels = at(one, 'spec.template.metadata.labels') as Readonly<Record<string, string>> | undefined
    return labels?.['app.kubernetes.io/component'] === 'proxy'
  }
  const [found] = manifests.filter(isGateway)
  if (found === undefined) throw new Error('no workload of the gateway is rendered')
  return found
}

export function podOf(manifest: Manifest): Readonly<Record<string, unknown>> {
  return at(manifest, POD) as Readonly<Record<string, unknown>>
}

export function containerOf(manifest: Manifest): Readonly<Record<string, unknown>> {
  const [container] = listAt(manifest, `${POD}.containers`)
  if (container === undefined) throw new Error(`${manifest.kind}/${manifest.metadata.name} has no container`)
  return container
}

/** The environment of the first container: a value, or `Secret name/key`. */
export function environmentOf(manifest: Manifest): Readonly<Record<string, string>> {
  return Object.fromEntries(
    listAt(containerOf(manifest), 'env').map((entry) => {
      const secret = at(entry, 'valueFrom.secretKeyRef') as { name: string; key: string } | undefined
      const text = secret === undefined ? String(entry['value']) : `Secret ${secret.name}/${secret.key}`
      return [String(entry['name']), text]
    }),
  )
}
