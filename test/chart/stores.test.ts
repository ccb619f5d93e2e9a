/** What the gateway keeps: master key, database, migration, Redis. */
import { beforeAll, describe, expect, test } from 'vitest'
import { bringHelm, type Helm, type Manifest, type Values } from './helm.ts'
import { all, at, containerOf, environmentOf, listAt, only, podOf, workload } from './look.ts'

let helm: Helm

beforeAll(async () => {
  helm = await bringHelm(4)
}, 180_000)

const render = async (values: Values = {}): Promise<readonly Manifest[]> => await helm.render(values)
const notes = async (values: Values): Promise<string> => await helm.notes(values)

describe('the master key', () => {
  test('is the given one, and otherwise a random one', async () => {
    const keyOf = async (values: Values): Promise<string> => {
      const secret = only(await render(values), 'Secret', 'litellm-masterkey')
      return Buffer.from(String(at(secret, 'data.masterkey')), 'base64').toString()
    }
    expect(await keyOf({ masterkey: 'sk-mine' })).toBe('sk-mine')
    expect(await keyOf({})).toMatch(/^sk-[A-Za-z0-9]{32}$/)
    expect(await keyOf({})).not.toBe(await keyOf({}))
  })

  test('is not made where the user’s variables give it', async () => {
    for (const values of [
      { envVars: { PROXY_MASTER_KEY: 'sk-a' } },
      { extraEnvVars: [{ name: 'LITELLM_MASTER_KEY', value: 'sk-a' }] },
    ]) {
      const rendered = await render(values)
      expect(all(rendered, 'Secret').map((one) => one.metadata.name)).not.toContain('litellm-masterkey')
      const names = listAt(containerOf(workload(rendered)), 'env').map((one) => one['name'])
      expect(names.filter((name) => String(name).endsWith('MASTER_KEY'))).toHaveLength(1)
    }
  })

  test('the notes tell how to read it', async () => {
    expect(await notes({})).toContain('get secret litellm-masterkey')
    const own = await notes({ masterkeySecretName: 'own', masterkeySecretKey: 'KEY' })
    expect(own).toContain(`get secret own -o go-template='{{index .data "KEY" | base64decode}}'`)
  })
})

describe('the database', () => {
  test('an existing one wins over the bundled one, for pods and migration alike', async () => {
    const rendered = await render({ db: { useExisting: true, deployStandalone: true, endpoint: 'db:6432' } })
    expect(all(rendered, 'StatefulSet')).toEqual([])
    for (const one of [workload(rendered), only(rendered, 'Job')]) {
      expect(environmentOf(one)['DATABASE_HOST']).toBe('db:6432')
    }
  })

  test('a Secret of CloudNativePG fits as it is', async () => {
    const secret = { name: 'pg-app', usernameKey: 'username', passwordKey: 'password', endpointKey: 'host' }
    const rendered = await render({ db: { useExisting: true, database: 'app', secret } })
    expect(environmentOf(workload(rendered))).toMatchObject({
      DATABASE_USERNAME: 'Secret pg-app/username',
      DATABASE_PASSWORD: 'Secret pg-app/password',
      DATABASE_HOST: 'Secret pg-app/host',
      DATABASE_NAME: 'app',
    })
  })

  test('no password stands in a URL of the pod, unless the user writes one', async () => {
    const unencoded =
      'postgresql://$(DATABASE_USERNAME):$(DATABASE_PASSWORD)@$(DATABASE_HOST)/$(DATABASE_NAME)'
    const urlOf = async (url: string): Promise<string | undefined> =>
      environmentOf(workload(await render({ db: { useExisting: true, url } })))['DATABASE_URL']
    expect(await urlOf('')).toBe('')
    expect(await urlOf(unencoded)).toBe('')
    const own = `${unencoded}?sslmode=require`
    expect(await urlOf(own)).toBe(own)
    const names = listAt(
      containerOf(workload(await render({ db: { useExisting: true, url: own } }))),
      'env',
    ).map((one) => one['name'])
    expect(names.indexOf('DATABASE_URL')).toBeGreaterThan(names.indexOf('DATABASE_HOST'))
  })

  test('the bundled one is the official image, and both sides read one Secret', async () => {
    const rendered = await render({
      postgresql: { auth: { database: 'gateway' }, image: { repository: 'bitnami/postgresql', tag: '' } },
    })
    const server = only(rendered, 'StatefulSet')
    expect(containerOf(server)['image']).toMatch(/^docker\.io\/library\/postgres:\d+\.\d+$/)
    const password = 'Secret litellm-dbcredentials/password'
    expect(environmentOf(server)).toMatchObject({ POSTGRES_PASSWORD: password, POSTGRES_DB: 'gateway' })
    expect(environmentOf(workload(rendered))).toMatchObject({
      DATABASE_PASSWORD: password,
      DATABASE_HOST: 'litellm-postgresql',
      DATABASE_NAME: 'gateway',
    })
    const secret = only(rendered, 'Secret', 'litellm-dbcredentials')
    expect(Buffer.from(String(at(secret, 'data.password')), 'base64').toString()).toMatch(/^\w{32}$/)
    expect(only(rendered, 'Service', 'litellm-postgresql')).toBeDefined()
  })

  test('without any, the notes warn, and the migration reads the config file', async () => {
    const db = { deployStandalone: false }
    expect(await notes({ db })).toContain('WARNING: values name none')
    const job = only(await render({ db }), 'Job')
    expect(containerOf(job)['args']).toEqual(['migrate', '--config', '/etc/litellm/config.yaml'])
    expect(environmentOf(job)).toHaveProperty('PROXY_MASTER_KEY')
  })
})

describe('the migration', () => {
  test('is a Job with the pods’ image and security, bounded in time, for which the pods wait', async () => {
    const rendered = await render()
    const job = only(rendered, 'Job')
    expect(containerOf(job)['image']).toBe(containerOf(workload(rendered))['image'])
    expect(containerOf(job)['args']).toEqual(['migrate'])
    expect(at(job, 'spec.activeDeadlineSeconds')).toBe(1800)
    expect(environmentOf(workload(rendered))['DISABLE_SCHEMA_UPDATE']).toBe('true')
    expect(environmentOf(job)['DISABLE_SCHEMA_UPDATE']).toBe('false')
  })

  test('is a new Job for a new image, and the same one where nothing changed', async () => {
    const nameOf = async (values: Values): Promise<string> =>
      only(await render({ masterkey: 'sk-a', ...values }), 'Job').metadata.name
    expect(await nameOf({})).toBe(await nameOf({}))
    expect(await nameOf({ replicaCount: 5 })).toBe(await nameOf({}))
    expect(await nameOf({ image: { tag: '9.9.9' } })).not.toBe(await nameOf({}))
  })

  test('without it the pods migrate', async () => {
    const rendered = await render({ migrationJob: { enabled: false } })
    expect(all(rendered, 'Job')).toEqual([])
    expect(environmentOf(workload(rendered))).not.toHaveProperty('DISABLE_SCHEMA_UPDATE')
  })

  test('is a hook of Helm only where the database is there before the release', async () => {
    const hooks = { helm: { enabled: true } }
    const hookOf = async (values: Values): Promise<unknown> =>
      at(only(await render({ migrationJob: { hooks }, ...values }), 'Job'), 'metadata.annotations')
    expect(await hookOf({ db: { useExisting: true } })).toMatchObject({
      'helm.sh/hook': 'pre-install,pre-upgrade',
    })
    expect(await hookOf({})).not.toHaveProperty(['helm.sh/hook'])
    expect(await notes({ migrationJob: { hooks } })).toContain('hooks.helm.enabled has no effect')
  })

  test('as a hook before an install it needs no account that the release has yet to make', async () => {
    const serviceAccountOf = async (values: Values): Promise<unknown> =>
      podOf(only(await render({ serviceAccount: { create: true }, ...values }), 'Job'))['serviceAccountName']
    const migrationJob = { hooks: { helm: { enabled: true } } }
    expect(await serviceAccountOf({ migrationJob, db: { useExisting: true } })).toBe('default')
    expect(await serviceAccountOf({})).toBe('litellm')
    expect(await serviceAccountOf({ migrationJob: { serviceAccountName: 'dba' } })).toBe('dba')
  })

  test('under Argo CD it runs beside what it waits for', async () => {
    expect(only(await render(), 'Job').metadata['annotations']).toEqual({
      'argocd.argoproj.io/hook': 'Sync',
      'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation',
    })
  })
})

describe('Redis', () => {
  test('is not there by default, and then nothing points to one', async () => {
    expect(environmentOf(workload(await render()))).not.toHaveProperty('REDIS_HOST')
  })

  test('replication adds copies that follow the first', async () => {
    const rendered = await render({
      redis: { enabled: true, architecture: 'replication', replica: { replicaCount: 2 } },
    })
    const replica = only(rendered, 'StatefulSet', 'litellm-valkey-replica')
    expect(at(replica, 'spec.replicas')).toBe(2)
    expect(containerOf(replica)['args']).toEqual(
      expect.arrayContaining(['--replicaof', 'litellm-redis-master', '6379']),
    )
  })

  test('an image, password, flags and claims of the user’s are taken', async () => {
    const rendered = await render({
      redis: {
        enabled: true,
        image: { registry: 'registry.example.com', repository: 'redis', tag: '8.2.1' },
        auth: { existingSecret: 'own', existingSecretPasswordKey: 'pw' },
        master: { extraFlags: ['--maxmemory 1gb'], persistence: { enabled: true, size: '1Gi' } },
      },
    })
    const server = only(rendered, 'StatefulSet', 'litellm-valkey')
    expect(containerOf(server)['image']).toBe('registry.example.com/redis:8.2.1')
    expect(environmentOf(server)['REDIS_PASSWORD']).toBe('Secret own/pw')
    expect(environmentOf(workload(rendered))['REDIS_PASSWORD']).toBe('Secret own/pw')
    expect(containerOf(server)['args']).toEqual(expect.arrayContaining(['--maxmemory', '1gb', 'yes']))
    expect(at(server, 'spec.volumeClaimTemplates.0.spec.resources.requests.storage')).toBe('1Gi')
  })

  test('without a password there is none on either side', async () => {
    const rendered = await render({ redis: { enabled: true, auth: { enabled: false } } })
    expect(containerOf(only(rendered, 'StatefulSet', 'litellm-valkey'))['args']).not.toContain(
      '--requirepass',
    )
    expect(environmentOf(workload(rendered))).not.toHaveProperty('REDIS_PASSWORD')
  })

  test('several pods without one are warned', async () => {
    expect(await notes({ replicaCount: 2 })).toContain('set redis.enabled')
  })
})
