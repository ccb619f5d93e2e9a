/** How calls, scalers and monitors reach the pods. */
import { beforeAll, describe, expect, test } from 'vitest'
import { bringHelm, type Helm, type Manifest, type Values } from './helm.ts'
import { all, at, containerOf, environmentOf, listAt, only, workload } from './look.ts'
import { EVERYTHING, KEDA } from './variants.ts'

let helm: Helm

beforeAll(async () => {
  helm = await bringHelm(4)
}, 180_000)

const render = async (values: Values = {}): Promise<readonly Manifest[]> => await helm.render(values)
const notes = async (values: Values): Promise<string> => await helm.notes(values)

describe('traffic', () => {
  test('an ingress has its annotations as texts, and no empty Secret for TLS', async () => {
    const ingress = only(await render(EVERYTHING), 'Ingress')
    expect(ingress.metadata['annotations']).toEqual({ 'alb.ingress.kubernetes.io/group.order': '10' })
    expect(at(ingress, 'spec.tls')).toEqual([{ hosts: ['api.example.local'] }])
  })

  test('the notes tell the address, encrypted where TLS or the ALB’s certificate says so', async () => {
    const told = async (ingress: Values): Promise<string> =>
      await notes({ ingress: { enabled: true, hosts: [{ host: 'ai.example.com' }], ...ingress } })
    expect(await told({})).toContain('http://ai.example.com')
    expect(await told({ annotations: null })).toContain('http://ai.example.com')
    expect(await told({ tls: [{ hosts: ['ai.example.com'] }] })).toContain('https://ai.example.com')
    const annotations = { 'alb.ingress.kubernetes.io/certificate-arn': 'arn' }
    expect(await told({ annotations })).toContain('https://ai.example.com')
  })

  test('every rule of an HTTPRoute leads to the Service', async () => {
    const rules = [
      { matches: [{ path: { type: 'PathPrefix', value: '/v1' } }], timeouts: { request: '0s' } },
      {},
    ]
    const route = only(
      await render({ httpRoute: { enabled: true, parentRefs: [{ name: 'public' }], rules } }),
      'HTTPRoute',
    )
    expect(listAt(route, 'spec.rules').map((rule) => rule['backendRefs'])).toEqual([
      [{ name: 'litellm', port: 4000, weight: 1 }],
      [{ name: 'litellm', port: 4000, weight: 1 }],
    ])
    expect(at(route, 'spec.hostnames')).toBeUndefined()
  })

  test('the port of the Service is the one that the gateway listens on', async () => {
    const rendered = await render({ service: { port: 8080, type: 'LoadBalancer', loadBalancerClass: 'nlb' } })
    expect(environmentOf(workload(rendered))['PORT']).toBe('8080')
    expect(at(containerOf(workload(rendered)), 'ports.0.containerPort')).toBe(8080)
    expect(at(only(rendered, 'Service', 'litellm'), 'spec')).toMatchObject({ loadBalancerClass: 'nlb' })
  })

  test('a network policy lets only the named peers in, and only the release to its servers', async () => {
    const rendered = await render(EVERYTHING)
    expect(at(only(rendered, 'NetworkPolicy', 'litellm'), 'spec.ingress.0')).toEqual({
      ports: [{ port: 'http', protocol: 'TCP' }],
      from: [{ podSelector: {} }],
    })
    for (const server of ['litellm-postgresql', 'litellm-redis']) {
      expect(at(only(rendered, 'NetworkPolicy', server), 'spec.ingress.0.from')).toEqual([
        { podSelector: { matchLabels: { 'app.kubernetes.io/instance': 'litellm' } } },
      ])
    }
  })
})

describe('scaling', () => {
  test('by CPU, memory, requests and tokens, as told', async () => {
    const metrics = listAt(only(await render(EVERYTHING), 'HorizontalPodAutoscaler'), 'spec.metrics')
    expect(metrics.map((one) => at(one, 'resource.name') ?? at(one, 'pods.metric.name'))).toEqual([
      'cpu',
      'memory',
      'litellm_requests_per_second',
      'litellm_tokens_per_second',
    ])
    const none = { enabled: true, targetCPUUtilizationPercentage: null }
    await expect(render({ autoscaling: none })).rejects.toThrow('name a target')
  })

  test('KEDA gets the user’s triggers and then those for the gateway’s own metrics', async () => {
    const triggers = listAt(only(await render(KEDA), 'ScaledObject'), 'spec.triggers')
    expect(triggers.map((one) => one['type'])).toEqual(['cpu', 'prometheus', 'prometheus'])
    expect(at(triggers[1], 'metadata')).toEqual({
      serverAddress: 'http://prometheus:9090',
      query: 'sum(rate(litellm_proxy_total_requests_metric_total{namespace="ai",pod=~"litellm-.+"}[1m]))',
      threshold: '50',
    })
  })

  test('only one autoscaler has the pods', async () => {
    expect(all(await render({ ...KEDA, autoscaling: { enabled: true } }), 'ScaledObject')).toEqual([])
  })

  test('a disruption budget of zero is not taken for none', async () => {
    const specOf = async (pdb: Values): Promise<unknown> =>
      at(only(await render({ pdb: { enabled: true, ...pdb } }), 'PodDisruptionBudget'), 'spec')
    expect(await specOf({})).toMatchObject({ maxUnavailable: 1 })
    expect(await specOf({ maxUnavailable: 0 })).toMatchObject({ maxUnavailable: 0 })
    expect(await specOf({ minAvailable: '50%', maxUnavailable: 1 })).not.toHaveProperty('maxUnavailable')
  })

  test('a disruption budget does not wait for pods that serve nobody, where the cluster knows how', async () => {
    const policyOn = async (kubeVersion: string): Promise<unknown> => {
      const rendered = await helm.render({ pdb: { enabled: true } }, { kubeVersion })
      return at(only(rendered, 'PodDisruptionBudget'), 'spec.unhealthyPodEvictionPolicy')
    }
    expect(await policyOn('1.33.0')).toBe('AlwaysAllow')
    expect(await policyOn('1.26.0')).toBeUndefined()
  })

  test('a disruption budget that lets no pod go is warned of', async () => {
    const pdb = { enabled: true, minAvailable: 1 }
    expect(await notes({ pdb })).toContain('no node can be drained')
    expect(await notes({ pdb, replicaCount: 2 })).not.toContain('no node can be drained')
    expect(await notes({ pdb: { ...pdb, minAvailable: '50%' } })).not.toContain('no node can be drained')
  })

  test('the notes count connections to PostgreSQL, and warn beyond its default', async () => {
    expect(await notes({ replicaCount: 4, numWorkers: 2 })).toContain(
      'Up to 80 connections (4 pods x 2 workers x 10).',
    )
    expect(await notes({ autoscaling: { enabled: true } })).toContain('WARNING: more than the 100')
  })
})

describe('monitoring', () => {
  test('monitors scrape /metrics/ of the gateway, with a key where one is asked for', async () => {
    const rendered = await render({
      serviceMonitor: { enabled: true, authSecret: { enabled: true } },
      vmPodScrape: { enabled: true },
    })
    const endpoint = at(only(rendered, 'ServiceMonitor'), 'spec.endpoints.0')
    expect(endpoint).toMatchObject({
      port: 'http',
      path: '/metrics/',
      authorization: { type: 'Bearer', credentials: { name: 'litellm-masterkey', key: 'masterkey' } },
    })
    expect(at(only(rendered, 'VMPodScrape'), 'spec.podMetricsEndpoints.0')).toEqual({
      port: 'http',
      path: '/metrics/',
      interval: '15s',
      scrapeTimeout: '10s',
    })
  })

  test('with a port of their own, the metrics have a Service that no load balancer shows', async () => {
    const rendered = await render({
      metricsServer: { enabled: true },
      service: { type: 'LoadBalancer' },
      serviceMonitor: { enabled: true },
    })
    expect(environmentOf(workload(rendered))['PROMETHEUS_METRICS_PORT']).toBe('4001')
    const service = only(rendered, 'Service', 'litellm-metrics')
    expect(at(service, 'spec')).toMatchObject({
      type: 'ClusterIP',
      ports: [{ port: 4001, targetPort: 'metrics' }],
    })
    expect(at(only(rendered, 'ServiceMonitor'), 'spec.endpoints.0.port')).toBe('metrics')
  })
})
