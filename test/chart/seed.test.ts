/** A team's deployment of the LiteLLM proxy, moved to this chart: each promise made to it has its test. */
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bringHelm, CHART, parseManifests, type Helm, type Manifest } from './helm.ts'
import { typeFaults } from './kubernetes-types.ts'
import { all, at, containerOf, environmentOf, listAt, only, podOf, workload } from './look.ts'
import { moveTeamChart, type TeamChart } from './team-chart.ts'
import { valueSections } from './values-table.ts'

let helm: Helm
let team: TeamChart
let manifests: readonly Manifest[]

beforeAll(async () => {
  helm = await bringHelm(4)
  team = await moveTeamChart(helm)
  manifests = await helm.render({}, { chart: team.folder })
}, 180_000)

afterAll(() => team[Symbol.dispose]())

const render = async (values: Record<string, unknown>): Promise<readonly Manifest[]> =>
  await helm.render({ 'litellm-helm': values }, { chart: team.folder })

test('B1: the team’s wrapper renders with its values as they are, with both Helm versions', async () => {
  const older = await (await bringHelm(3)).render({}, { chart: team.folder })
  const names = (list: readonly Manifest[]): string[] =>
    list.map((one) => `${one.kind}/${one.metadata.name}`).toSorted()
  expect(names(older)).toEqual(names(manifests))
  expect(await typeFaults(manifests)).toEqual([])
})

describe('B2', () => {
  test('two replicas, of which a disruption leaves one', () => {
    expect(at(workload(manifests), 'spec.replicas')).toBe(2)
    expect(at(only(manifests, 'PodDisruptionBudget'), 'spec.minAvailable')).toBe(1)
  })

  test('a rollout has the new pod ready before an old one goes, and waits for its calls', () => {
    const deployment = workload(manifests)
    expect(at(deployment, 'spec.strategy.rollingUpdate')).toEqual({ maxUnavailable: 0, maxSurge: 1 })
    const grace = Number(podOf(deployment)['terminationGracePeriodSeconds'])
    const sleep = Number(at(containerOf(deployment), 'lifecycle.preStop.sleep.seconds'))
    const callsGet = Number(environmentOf(deployment)['SLUICE_SHUTDOWN_GRACE_SECONDS'])
    expect(callsGet).toBeGreaterThan(600)
    expect(grace).toBeGreaterThan(sleep + callsGet)
  })
})

test('B3: annotations, tolerations, affinity and node selector arrive; the migration runs on the same nodes', () => {
  const deployment = workload(manifests)
  expect(deployment.metadata['annotations']).toEqual({ 'reloader.stakater.com/auto': 'true' })
  for (const one of [deployment, only(manifests, 'Job')]) {
    expect(listAt(podOf(one), 'tolerations')).toHaveLength(2)
    expect(podOf(one)['nodeSelector']).toEqual({ pool: 'addons' })
    expect(at(podOf(one), 'affinity.nodeAffinity')).toBeDefined()
  }
})

describe('B4', () => {
  test('the tag pins the image', async () => {
    expect(containerOf(workload(manifests))['image']).toBe('sluice:0.1.0')
    const other = await render({ image: { tag: '9.9.9' } })
    expect(containerOf(workload(other))['image']).toBe('sluice:9.9.9')
  })

  test('no service account is made, and a named one is used', async () => {
    expect(all(manifests, 'ServiceAccount')).toEqual([])
    expect(podOf(workload(manifests))['serviceAccountName']).toBe('default')
    const named = await render({ serviceAccount: { name: 'gateway-rds' } })
    for (const one of [workload(named), only(named, 'Job')]) {
      expect(podOf(one)['serviceAccountName']).toBe('gateway-rds')
    }
  })

  test('RDS knows the pods and their migration by the role of the account, and no password', async () => {
    const rendered = await render({
      serviceAccount: { create: true, annotations: { 'eks.amazonaws.com/role-arn': 'arn' } },
      envVars: { IAM_TOKEN_DB_AUTH: 'true' },
      db: { secret: { passwordKey: '' } },
    })
    const account = only(rendered, 'ServiceAccount')
    expect(account.metadata['annotations']).toEqual({ 'eks.amazonaws.com/role-arn': 'arn' })
    for (const one of [workload(rendered), only(rendered, 'Job')]) {
      expect(podOf(one)['serviceAccountName']).toBe(account.metadata.name)
      expect(environmentOf(one)).toMatchObject({ IAM_TOKEN_DB_AUTH: 'true' })
      expect(environmentOf(one)).not.toHaveProperty('DATABASE_PASSWORD')
    }
  })
})

test('B5: Secrets and ConfigMaps become environment, of the migration too', async () => {
  const rendered = await render({ environmentConfigMaps: ['gateway-flags'] })
  for (const one of [workload(rendered), only(rendered, 'Job')]) {
    expect(containerOf(one)['envFrom']).toEqual([
      { secretRef: { name: 'gateway-secrets' } },
      { configMapRef: { name: 'gateway-flags' } },
    ])
  }
})

test('B6: the team’s Secret feeds the master key, and none is made', () => {
  expect(environmentOf(workload(manifests))['PROXY_MASTER_KEY']).toBe(
    'Secret gateway-secrets/LITELLM_MASTER_KEY',
  )
  expect(all(manifests, 'Secret').map((one) => one.metadata.name)).toEqual(['litellm-redis'])
})

describe('B7', () => {
  test('the team’s own ConfigMap is the config file', () => {
    const volumes = listAt(podOf(workload(manifests)), 'volumes')
    expect(at(volumes[0], 'configMap')).toEqual({
      name: 'gateway-proxy-config',
      items: [{ key: 'config.yaml', path: 'config.yaml' }],
    })
    expect(containerOf(workload(manifests))['args']).toEqual(['--config', '/etc/litellm/config.yaml'])
    expect(all(manifests, 'ConfigMap').map((one) => one.metadata.name)).toEqual(['gateway-proxy-config'])
  })

  test('proxy_config in values is the other way', async () => {
    const rendered = await render({
      proxyConfigMap: { create: true },
      proxy_config: { model_list: [{ model_name: 'one' }] },
    })
    expect(at(only(rendered, 'ConfigMap', 'litellm-config'), 'data')).toMatchObject({
      'config.yaml': expect.stringContaining('model_name: one') as string,
    })
  })
})

test('B8: the existing PostgreSQL is used, for the migration too, and none is started', () => {
  const expected = {
    DATABASE_USERNAME: 'Secret gateway-secrets/DATABASE_USERNAME',
    DATABASE_PASSWORD: 'Secret gateway-secrets/DATABASE_PASSWORD',
    DATABASE_HOST: 'postgres.team.example.org',
    DATABASE_NAME: 'gateway_db',
  }
  expect(environmentOf(workload(manifests))).toMatchObject(expected)
  expect(environmentOf(only(manifests, 'Job'))).toMatchObject(expected)
  expect(all(manifests, 'StatefulSet').map((one) => one.metadata.name)).toEqual(['litellm-valkey'])
})

test('B9: Redis starts on a free image that is pinned, whatever Bitnami’s tag says', () => {
  const redis = only(manifests, 'StatefulSet')
  expect(containerOf(redis)['image']).toMatch(/^docker\.io\/valkey\/valkey:\d+\.\d+\.\d+$/)
  expect(environmentOf(workload(manifests))).toMatchObject({
    REDIS_HOST: 'litellm-redis-master',
    REDIS_PORT: '6379',
    REDIS_PASSWORD: 'Secret litellm-redis/redis-password',
  })
  expect(only(manifests, 'Service', 'litellm-redis-master')).toBeDefined()
})

test('B10: the ALB gets its annotations, and the path /* as it stands', () => {
  const ingress = only(manifests, 'Ingress')
  expect(at(ingress, 'spec.ingressClassName')).toBe('alb')
  expect(ingress.metadata['annotations']).toMatchObject({
    'alb.ingress.kubernetes.io/group.name': 'team-internal',
    'alb.ingress.kubernetes.io/target-type': 'ip',
  })
  expect(at(ingress, 'spec.rules')).toEqual([
    {
      host: 'gateway.team.example.org',
      http: {
        paths: [
          {
            path: '/*',
            pathType: 'ImplementationSpecific',
            backend: { service: { name: 'litellm', port: { number: 4000 } } },
          },
        ],
      },
    },
  ])
})

test('B11: autoscalers are there for later', async () => {
  const scaled = await render({ autoscaling: { enabled: true, minReplicas: 2, maxReplicas: 6 } })
  expect(at(only(scaled, 'HorizontalPodAutoscaler'), 'spec.maxReplicas')).toBe(6)
  expect(at(workload(scaled), 'spec.replicas')).toBeUndefined()
  const byKeda = await render({ keda: { enabled: true } })
  expect(at(only(byKeda, 'ScaledObject'), 'spec.scaleTargetRef.name')).toBe('litellm')
})

test('B12: names, port and labels are those that the team’s dashboards and scrapes select', () => {
  const deployment = workload(manifests)
  expect(deployment.kind).toBe('Deployment')
  expect(deployment.metadata.name).toBe('litellm')
  expect(at(deployment, 'spec.selector.matchLabels')).toEqual({
    'app.kubernetes.io/name': 'litellm',
    'app.kubernetes.io/instance': 'litellm',
  })
  const service = only(manifests, 'Service', 'litellm')
  expect(at(service, 'spec.ports.0')).toMatchObject({ name: 'http', port: 4000, targetPort: 'http' })
  expect(at(containerOf(deployment), 'ports.0')).toEqual({ name: 'http', containerPort: 4000 })
})

test('B12: nothing but the gateway’s pods has the labels that the Service and the scrapes select', () => {
  const selected = manifests.filter((one) => {
    const labels = at(one, 'spec.template.metadata.labels') as Readonly<Record<string, string>> | undefined
    const own = one.kind === 'Pod' ? (one.metadata['labels'] as Readonly<Record<string, string>>) : undefined
    return (labels ?? own)?.['app.kubernetes.io/name'] === 'litellm'
  })
  expect(selected.map((one) => one.kind)).toEqual(['Deployment'])
})

test('B13: what the ExternalSecret brings is what the pods read', () => {
  const secret = only(manifests, 'ExternalSecret')
  const name = at(secret, 'spec.target.name')
  expect(at(containerOf(workload(manifests)), 'envFrom.0.secretRef.name')).toBe(name)
})

test('B14: the Makefile of the example renders both environments, with types that fit', async () => {
  const folder = fileURLToPath(new URL('../../deploy/wrapper-chart', import.meta.url))
  const program = { PATH: `${helm.folder}:${process.env['PATH']}`, ...helm.environment }
  try {
    for (const environment of ['staging', 'production']) {
      const rendered = execFileSync('make', ['-s', '-C', folder, 'template', `ENV=${environment}`], {
        env: program,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      expect(await typeFaults(parseManifests(rendered.toString()))).toEqual([])
    }
    // For an External Secrets Operator before 0.16.
    const older = { externalSecrets: { apiVersion: 'external-secrets.io/v1beta1' } }
    const withOlder = await helm.render(older, { chart: folder })
    for (const kind of ['SecretStore', 'ExternalSecret']) {
      expect(only(withOlder, kind).apiVersion).toBe('external-secrets.io/v1beta1')
    }
    expect(await typeFaults(withOlder)).toEqual([])
    const targets = readFileSync(`${folder}/Makefile`, 'utf8').match(/^\.PHONY: (.*)$/m)?.[1]
    expect(targets?.split(' ')).toEqual(
      expect.arrayContaining(['pull', 'update', 'template', 'diff', 'install']),
    )
  } finally {
    rmSync(`${folder}/charts`, { recursive: true, force: true })
    rmSync(`${folder}/Chart.lock`, { force: true })
  }
})

test('B15: helm show values documents every key', async () => {
  const shown = await helm.run(['show', 'values', CHART])
  const rows = valueSections(shown).flatMap((section) => section.rows)
  expect(rows.length).toBeGreaterThan(150)
})
