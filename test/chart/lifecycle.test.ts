/** Installs, upgrades, rollbacks and hooks: real Helm of both versions against an API that keeps what it is told. */
import { beforeAll, describe, expect, test } from 'vitest'
import { startFakeKubernetes, type FakeKubernetes } from './fake-kubernetes.ts'
import { bringHelm, CHART, withValuesFile, type Helm, type Manifest, type Values } from './helm.ts'
import { at, containerOf } from './look.ts'

beforeAll(async () => {
  await bringHelm(3)
  await bringHelm(4)
}, 180_000)

/** Runs Helm against the cluster; values replace those of before. */
function operator(helm: Helm, cluster: FakeKubernetes) {
  const run = async (...helmArguments: string[]): Promise<string> =>
    await helm.run([...helmArguments, '--kubeconfig', cluster.kubeconfig, '--namespace', 'ai'])
  const apply = async (verb: 'install' | 'upgrade', values: Values, ...flags: string[]): Promise<string> =>
    await withValuesFile(values, async (file) =>
      run(verb, 'litellm', CHART, '--disable-openapi-validation', '--values', file, ...flags),
    )
  return { run, apply }
}

function secretsIn(cluster: FakeKubernetes): Readonly<Record<string, unknown>> {
  const names = ['litellm-masterkey', 'litellm-dbcredentials', 'litellm-redis']
  return Object.fromEntries(names.map((name) => [name, cluster.find('Secret', name)?.['data']]))
}

const WITH_REDIS: Values = { redis: { enabled: true } }

/** An object as an earlier release of LiteLLM's chart left it: Helm takes over what it finds marked so. */
function ofRelease(manifest: Pick<Manifest, 'apiVersion' | 'kind'> & Values, name: string): Manifest {
  return {
    ...manifest,
    metadata: {
      name,
      namespace: 'ai',
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: { 'meta.helm.sh/release-name': 'litellm', 'meta.helm.sh/release-namespace': 'ai' },
    },
  }
}

describe.each([3, 4] as const)('Helm %i', (major) => {
  test('secrets are made once: upgrades, rollbacks and a new install keep them', async () => {
    await using cluster = await startFakeKubernetes()
    const { run, apply } = operator(await bringHelm(major), cluster)
    await apply('install', WITH_REDIS)
    const made = secretsIn(cluster)
    expect(Object.values(made).every((data) => data !== undefined)).toBe(true)
    await apply('upgrade', { ...WITH_REDIS, image: { tag: '2.0.0' } })
    expect(secretsIn(cluster)).toEqual(made)
    await apply('upgrade', {}, '--reuse-values', '--set', 'replicaCount=2')
    expect(secretsIn(cluster)).toEqual(made)
    await run('rollback', 'litellm', '1')
    expect(secretsIn(cluster)).toEqual(made)
    await run('uninstall', 'litellm')
    await apply('install', { redis: { enabled: false } })
    const { 'litellm-redis': _redis, ...kept } = secretsIn(cluster)
    expect(kept).toEqual({
      'litellm-masterkey': made['litellm-masterkey'],
      'litellm-dbcredentials': made['litellm-dbcredentials'],
    })
  })

  test('the master key that LiteLLM’s chart made is kept', async () => {
    await using cluster = await startFakeKubernetes()
    const { apply } = operator(await bringHelm(major), cluster)
    const masterkey = Buffer.from('sk-of-before').toString('base64')
    const secret = { apiVersion: 'v1', kind: 'Secret', data: { masterkey } }
    cluster.put(ofRelease(secret, 'litellm-masterkey'))
    await apply('install', {})
    expect(at(cluster.find('Secret', 'litellm-masterkey'), 'data.masterkey')).toBe(masterkey)
  })

  test('a Bitnami PostgreSQL of the release is not removed by accident', async () => {
    await using cluster = await startFakeKubernetes()
    const { apply } = operator(await bringHelm(major), cluster)
    cluster.put(ofRelease({ apiVersion: 'apps/v1', kind: 'StatefulSet' }, 'litellm-postgresql'))
    await expect(apply('install', {})).rejects.toThrow('Dump what you need')
    await apply('install', { postgresql: { replaceBitnami: true } })
    expect(cluster.find('StatefulSet', 'litellm-database')).toBeDefined()
  })

  test('an upgrade of the image runs the migration anew, beside the pods that wait for it', async () => {
    await using cluster = await startFakeKubernetes()
    const { apply } = operator(await bringHelm(major), cluster)
    await apply('install', {})
    await apply('upgrade', { image: { tag: '2.0.0' } })
    const jobs = cluster.created.filter((name) => name.startsWith('Job/'))
    expect(jobs).toHaveLength(2)
    const [first = '', second = ''] = jobs.map((name) => name.slice('Job/'.length))
    expect(cluster.find('Job', first)).toBeUndefined()
    const job = cluster.find('Job', second)
    expect(job === undefined ? undefined : containerOf(job)['image']).toBe('sluice:2.0.0')
    const deployment = cluster.find('Deployment', 'litellm')
    expect(deployment === undefined ? undefined : containerOf(deployment)['image']).toBe('sluice:2.0.0')
  })

  test('as a hook the migration is over before anything else is made', async () => {
    await using cluster = await startFakeKubernetes()
    const { apply } = operator(await bringHelm(major), cluster)
    const values = { db: { useExisting: true }, migrationJob: { hooks: { helm: { enabled: true } } } }
    await apply('install', values, '--timeout', '20s')
    expect(cluster.created[0]).toMatch(/^Job\/litellm-migrations-/)
    expect(cluster.created).toContain('Deployment/litellm')
  })

  test('helm test asks the gateway through its Service', async () => {
    await using cluster = await startFakeKubernetes()
    const { run, apply } = operator(await bringHelm(major), cluster)
    await apply('install', {})
    expect(await run('test', 'litellm', '--timeout', '20s')).toContain('Succeeded')
    expect(cluster.created.at(-1)).toBe('Pod/litellm-test-connection')
  })
})
