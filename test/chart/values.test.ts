/** How values are read: which are refused, which do nothing, and what LiteLLM's chart had. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { bringHelm, type Helm, type Manifest, type Values } from './helm.ts'
import { typeFaults } from './kubernetes-types.ts'
import { containerOf, environmentOf, workload } from './look.ts'

const LITELLM_KEYS = new URL('fixtures/litellm-keys.yaml', import.meta.url)

let helm: Helm

beforeAll(async () => {
  helm = await bringHelm(4)
}, 180_000)

const render = async (values: Values = {}): Promise<readonly Manifest[]> => await helm.render(values)
const notes = async (values: Values): Promise<string> => await helm.notes(values)

describe('values', () => {
  const refused = async (values: Values, message: RegExp | string): Promise<void> => {
    await expect(render(values)).rejects.toThrow(message)
  }

  test('a misspelt key and a wrong type are refused by name', async () => {
    await refused({ replicaCout: 2 }, 'replicaCout')
    await refused({ replicaCount: 'two' }, 'replicaCount')
    await refused({ ingress: { hosts: [{ host: 'a', paths: [{ path: '*' }] }] } }, 'path')
    await refused({ masterkey: 'secret' }, 'masterkey')
  })

  test('what cannot work is refused with what to do', async () => {
    await refused({ image: { repository: 'ghcr.io/berriai/litellm' } }, 'remove image.repository')
    await refused({ image: { repository: 'mirror.example.com/litellm-database' } }, 'remove image.repository')
    await refused({ proxyConfigMap: { create: false } }, 'proxyConfigMap.name')
    await refused({ httpRoute: { enabled: true } }, 'httpRoute.parentRefs')
    await refused({ metricsServer: { enabled: true, port: 4000 } }, 'metricsServer.port')
    await refused({ postgresql: { image: { tag: 'latest' } } }, 'postgresql.image.tag')
    await refused({ redis: { enabled: true, image: { tag: '' } } }, 'redis.image.tag')
    await refused({ redis: { enabled: true, sentinel: { enabled: true } } }, 'REDIS_SENTINEL_NODES')
    await refused(
      { keda: { enabled: true, prometheus: { requestsPerSecond: 1 } } },
      'keda.prometheus.serverAddress',
    )
    const custom = { authSecret: { enabled: true, name: 'reader' } }
    await refused({ serviceMonitor: { enabled: true, ...custom } }, 'serviceMonitor.authSecret.key')
  })

  test('every key of LiteLLM’s chart is accepted, with the type it has there', async () => {
    const values = parse(readFileSync(LITELLM_KEYS, 'utf8')) as Values
    const rendered = await render(values)
    expect(await typeFaults(rendered)).toEqual([])
    expect(environmentOf(workload(rendered))).toMatchObject({
      DATABASE_HOST: 'litellm-postgresql',
      REDIS_HOST: 'litellm-redis-master',
      LITELLM_LOG: 'INFO',
    })
  })

  test('lists may be the empty maps that LiteLLM’s chart declares them as', async () => {
    const container = containerOf(workload(await render({ command: {}, args: {}, extraEnvVars: {} })))
    expect(container['args']).toEqual(['--config', '/etc/litellm/config.yaml'])
    expect(container['command']).toBeUndefined()
    const own = containerOf(workload(await render({ command: ['sluice'], args: ['serve'] })))
    expect([own['command'], own['args']]).toEqual([['sluice'], ['serve']])
  })

  test('values of LiteLLM’s chart that do nothing here are accepted, and named in the notes', async () => {
    const text = await notes({
      separateHealthApp: '1',
      db: { readReplicaUrl: 'postgresql://replica', connectionPool: { enabled: true } },
      collector: { enabled: true },
      proxyConfigMap: { create: false, name: 'own' },
      proxy_config: { model_list: [{ model_name: 'one' }] },
      migrationJob: { retries: 3 },
      redis: { enabled: true, metrics: { enabled: true }, master: { disableCommands: [] } },
    })
    for (const name of [
      'separateHealthApp',
      'db.readReplicaUrl',
      'db.connectionPool',
      'collector',
      'proxy_config',
      'migrationJob.retries',
      'redis.metrics',
      'redis.master.disableCommands',
    ]) {
      expect(text).toContain(`- ${name}:`)
    }
    expect(await notes({})).not.toContain('no effect')
  })
})
