/** The gateway's pod as the chart renders it, and its config file. */
import { beforeAll, describe, expect, test } from 'vitest'
import { bringHelm, type Helm, type Manifest, type Values } from './helm.ts'
import { at, containerOf, environmentOf, listAt, only, podOf, workload } from './look.ts'
import { EVERYTHING } from './variants.ts'

let helm: Helm

beforeAll(async () => {
  helm = await bringHelm(4)
}, 180_000)

const render = async (values: Values = {}): Promise<readonly Manifest[]> => await helm.render(values)

describe('the pod', () => {
  test('is hardened by default', async () => {
    const rendered = await render({ redis: { enabled: true } })
    const pods = rendered.filter((one) => ['Deployment', 'StatefulSet', 'Job'].includes(one.kind))
    expect(pods).toHaveLength(4)
    for (const one of pods) {
      expect(podOf(one)['automountServiceAccountToken']).toBe(false)
      expect(podOf(one)['securityContext']).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      expect(containerOf(one)['securityContext']).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
    }
  })

  test('writes to its data folder only, which survives a restart of the container', async () => {
    const deployment = workload(await render())
    const environment = environmentOf(deployment)
    expect(containerOf(deployment)['volumeMounts']).toContainEqual({
      name: 'sluice-data',
      mountPath: environment['SLUICE_DATA_DIR'],
    })
    expect(podOf(deployment)['volumes']).toContainEqual({ name: 'sluice-data', emptyDir: {} })
  })

  test('with a journal that survives the node it is one of a StatefulSet, autoscalers included', async () => {
    const rendered = await render({
      journal: { persistence: { enabled: true, size: '5Gi', storageClass: 'fast' } },
      autoscaling: { enabled: true },
    })
    const one = workload(rendered)
    expect(one.kind).toBe('StatefulSet')
    expect(at(one, 'spec.volumeClaimTemplates.0.spec')).toEqual({
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'fast',
      resources: { requests: { storage: '5Gi' } },
    })
    expect(at(only(rendered, 'Service', 'litellm-headless'), 'spec.clusterIP')).toBe('None')
    expect(at(only(rendered, 'HorizontalPodAutoscaler'), 'spec.scaleTargetRef.kind')).toBe('StatefulSet')
  })

  test('waits before it stops, by a sleep that the cluster knows', async () => {
    const lifecycle = async (kubeVersion: string, values: Values = {}): Promise<unknown> =>
      containerOf(workload(await helm.render(values, { kubeVersion })))['lifecycle']
    expect(await lifecycle('1.33.0')).toEqual({ preStop: { sleep: { seconds: 15 } } })
    expect(await lifecycle('1.29.0')).toEqual({
      preStop: { exec: { command: ['node', '-e', 'setTimeout(() => {}, 15000)'] } },
    })
    expect(await lifecycle('1.33.0', { preStopSleepSeconds: 0 })).toBeUndefined()
    const own = { preStop: { httpGet: { path: '/health/drain', port: 'http' } } }
    expect(await lifecycle('1.33.0', { lifecycle: own })).toEqual(own)
  })

  test('gives calls what the grace leaves of the wait and of the last writes', async () => {
    const graceOf = async (values: Values): Promise<string | undefined> =>
      environmentOf(workload(await render(values)))['SLUICE_SHUTDOWN_GRACE_SECONDS']
    expect(await graceOf({})).toBe('625')
    expect(await graceOf({ terminationGracePeriodSeconds: 90 })).toBe('55')
    expect(await graceOf({ terminationGracePeriodSeconds: 10 })).toBe('1')
    expect(await graceOf({ lifecycle: { preStop: { sleep: { seconds: 1 } } } })).toBe('640')
    expect(await graceOf({ envVars: { SLUICE_SHUTDOWN_GRACE_SECONDS: 7 } })).toBe('7')
    expect(await graceOf({ envVars: { GRACEFUL_SHUTDOWN_TIMEOUT: 7 } })).toBeUndefined()
  })

  test('bounds the heaps of its workers by its memory limit', async () => {
    const optionsOf = async (values: Values): Promise<string | undefined> =>
      environmentOf(workload(await render(values)))['NODE_OPTIONS']
    const resources = { limits: { memory: '1Gi' } }
    expect(await optionsOf({})).toBeUndefined()
    expect(await optionsOf({ resources })).toBe('--max-old-space-size-percentage=60')
    expect(await optionsOf({ resources, numWorkers: 3 })).toBe('--max-old-space-size-percentage=20')
    expect(await optionsOf({ resources, envVars: { NODE_OPTIONS: '--trace-gc' } })).toBe('--trace-gc')
  })

  test('is probed where LiteLLM’s is, and liveness needs nothing but the process', async () => {
    const container = containerOf(workload(await render({ startupProbe: { failureThreshold: 10 } })))
    expect(at(container, 'livenessProbe.httpGet')).toEqual({ path: '/health/liveliness', port: 'http' })
    expect(at(container, 'readinessProbe.httpGet')).toEqual({ path: '/health/readiness', port: 'http' })
    expect(at(container, 'startupProbe.failureThreshold')).toBe(10)
    expect(Number(at(container, 'livenessProbe.timeoutSeconds'))).toBeGreaterThanOrEqual(10)
    expect(Number(at(container, 'readinessProbe.timeoutSeconds'))).toBeGreaterThanOrEqual(5)
  })

  test('spreads over nodes and zones unless told otherwise', async () => {
    const keys = listAt(podOf(workload(await render())), 'topologySpreadConstraints').map((one) => [
      one['topologyKey'],
      one['whenUnsatisfiable'],
    ])
    expect(keys).toEqual([
      ['kubernetes.io/hostname', 'ScheduleAnyway'],
      ['topology.kubernetes.io/zone', 'ScheduleAnyway'],
    ])
    const own = [{ maxSkew: 2, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule' }]
    const told = podOf(workload(await render({ topologySpreadConstraints: own })))
    expect(told['topologySpreadConstraints']).toEqual(own)
  })

  test('has the user’s containers, variables and volumes after its own, with templates rendered', async () => {
    const deployment = workload(await render(EVERYTHING))
    const pod = podOf(deployment)
    expect(listAt(pod, 'containers').map((one) => one['name'])).toEqual(['litellm', 'litellm-sidecar'])
    expect(at(deployment, 'spec.template.metadata.annotations.release')).toBe('litellm')
    expect(environmentOf(deployment)).toMatchObject({ ONE: '1', LITELLM_LOG: 'DEBUG' })
    expect(containerOf(deployment)['args']).toEqual([
      '--config',
      '/etc/litellm/config.yaml',
      '--num_workers',
      '2',
    ])
  })

  test('the user’s variable takes the place of the chart’s, so that no name stands twice', async () => {
    const rendered = await render({
      envVars: { DATABASE_HOST: 'pooler', REDIS_PORT: 6380, TWICE: 'map', DISABLE_SCHEMA_UPDATE: 'false' },
      extraEnvVars: [{ name: 'TWICE', value: 'list' }],
      redis: { enabled: true },
    })
    for (const one of [workload(rendered), only(rendered, 'Job')]) {
      const names = listAt(containerOf(one), 'env').map((entry) => entry['name'])
      expect(new Set(names).size).toBe(names.length)
      expect(environmentOf(one)).toMatchObject({ DATABASE_HOST: 'pooler', TWICE: 'list' })
      expect(names.at(-1)).toBe('DISABLE_SCHEMA_UPDATE')
    }
    expect(environmentOf(workload(rendered))).toMatchObject({ REDIS_PORT: '6380' })
    // Who owns the migrations is decided by migrationJob.enabled alone.
    expect(environmentOf(workload(rendered))['DISABLE_SCHEMA_UPDATE']).toBe('true')
    expect(environmentOf(only(rendered, 'Job'))['DISABLE_SCHEMA_UPDATE']).toBe('false')
  })
})

describe('the config file', () => {
  const annotationsOf = async (values: Values): Promise<Readonly<Record<string, string>>> =>
    at(workload(await render(values)), 'spec.template.metadata.annotations') as Record<string, string>

  test('is mounted as a folder, so that running pods see changes', async () => {
    const [mount] = listAt(containerOf(workload(await render())), 'volumeMounts')
    expect(mount).toEqual({ name: 'sluice-config', readOnly: true, mountPath: '/etc/litellm' })
  })

  test('is mounted as a file where the user has files of his own beside it', async () => {
    const volumeMounts = [{ name: 'extra', mountPath: '/etc/litellm/prices.json', subPath: 'prices.json' }]
    const container = containerOf(workload(await render({ volumeMounts })))
    expect(listAt(container, 'volumeMounts')[0]).toMatchObject({
      mountPath: '/etc/litellm/config.yaml',
      subPath: 'config.yaml',
    })
  })

  test('replaces the pods when it changes, unless they are to take it up as they run', async () => {
    const change = { proxy_config: { model_list: [{ model_name: 'new' }] } }
    const checksum = async (values: Values): Promise<string | undefined> =>
      (await annotationsOf({ masterkey: 'sk-a', ...values }))['checksum/config']
    expect(await checksum({})).toBe(await checksum({}))
    expect(await checksum(change)).not.toBe(await checksum({}))
    expect(await checksum({ proxyConfigMap: { rollOnChange: false } })).toBeUndefined()
    expect(await checksum({ proxyConfigMap: { create: false, name: 'own' } })).toBeUndefined()
  })

  test('a changed Secret of the chart replaces the pods', async () => {
    const checksum = async (masterkey: string): Promise<string | undefined> => {
      const db = { useExisting: true }
      return (await annotationsOf({ masterkey, db }))['checksum/secrets']
    }
    expect(await checksum('sk-a')).toBe(await checksum('sk-a'))
    expect(await checksum('sk-a')).not.toBe(await checksum('sk-b'))
  })

  test('another key of the team’s ConfigMap is still the config file', async () => {
    const proxyConfigMap = { create: false, name: 'own', key: 'gateway.yaml' }
    expect(listAt(podOf(workload(await render({ proxyConfigMap }))), 'volumes')[0]).toEqual({
      name: 'sluice-config',
      configMap: { name: 'own', items: [{ key: 'gateway.yaml', path: 'config.yaml' }] },
    })
  })
})
