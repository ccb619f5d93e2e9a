import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { placeText, type RedisSettings } from '../redis/redis-settings.ts'
import type { Environment } from './environment.ts'
import { loadConfig, type LoadedConfig } from './load-config.ts'
import { isSameRedis } from './redis.ts'
import { readRedisNodes, readRedisUrl } from './redis-place.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-config-redis-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function load(yaml: string, environment: Environment = {}): LoadedConfig {
  const file = join(directory, 'config.yaml')
  writeFileSync(file, yaml)
  return loadConfig(file, environment)
}

/** `user:password@place/database tls`, or `none`. */
function told(settings: RedisSettings | undefined): string {
  if (settings === undefined) return 'none'
  const { username = '', password, place, database, tls } = settings
  const login = `${username}:${password?.reveal() ?? ''}@`
  return `${login === ':@' ? '' : login}${placeText(place)}/${database}${tls === undefined ? '' : ' tls'}`
}

describe('the Redis in use', () => {
  test.each<[string, string, Environment, string]>([
    ['none where nothing names one', 'litellm_settings: {}', {}, 'none'],
    [
      'none for a cache in memory',
      'litellm_settings: {cache: true, cache_params: {type: local, host: h}}',
      {},
      'none',
    ],
    [
      'none where the cache is off',
      'litellm_settings: {cache: false, cache_params: {type: redis, host: h}}',
      {},
      'none',
    ],
    ['localhost for a cache that names no place', 'litellm_settings: {cache: true}', {}, 'localhost:6379/0'],
    [
      'cache_params with all arguments',
      'litellm_settings: {cache: true, cache_params: {type: redis, host: h, port: "7", username: u, password: p, db: 2, ssl: true}}',
      {},
      'u:p@h:7/2 tls',
    ],
    [
      'cache_params without a place, which the environment gives',
      'litellm_settings: {cache: true, cache_params: {type: redis, ssl: true}}',
      { REDIS_HOST: 'e', REDIS_PORT: '1', REDIS_PASSWORD: 'ep' },
      ':ep@e:1/0 tls',
    ],
    [
      'cache_params before the variables, whose password it takes',
      'litellm_settings: {cache: true, cache_params: {type: redis, host: h}}',
      { REDIS_URL: 'redis://:other@e:1/4', REDIS_PASSWORD: 'ep' },
      ':ep@h:6379/0',
    ],
    [
      'references to variables',
      'litellm_settings: {cache: true, cache_params: {type: redis, host: os.environ/H, port: os.environ/P, password: os.environ/W}}',
      { H: 'h', P: '7', W: 'p' },
      ':p@h:7/0',
    ],
    [
      'router_settings',
      'router_settings: {redis_host: r, redis_port: 2, redis_password: rp, redis_db: 1}',
      {},
      ':rp@r:2/1',
    ],
    ['router_settings by URL', 'router_settings: {redis_url: "rediss://u:p%40@r:2/1"}', {}, 'u:p@@r:2/1 tls'],
    [
      'router_settings with cache_kwargs',
      'router_settings: {redis_host: r, cache_kwargs: {ssl: true, username: u}}',
      {},
      'u:@r:6379/0 tls',
    ],
    [
      'coordination_redis as a chart writes it',
      'general_settings: {coordination_redis: {host: os.environ/REDIS_HOST, port: os.environ/REDIS_PORT, password: os.environ/REDIS_PASSWORD}}',
      { REDIS_HOST: 'c', REDIS_PORT: '3', REDIS_PASSWORD: 'cp' },
      ':cp@c:3/0',
    ],
    [
      'coordination_redis beside a cache in memory',
      'general_settings: {coordination_redis: {host: c}}\nlitellm_settings: {cache: true, cache_params: {type: local}}',
      {},
      'c:6379/0',
    ],
    ['the variables alone', '{}', { REDIS_HOST: 'e', REDIS_DB: '5', REDIS_SSL: 'True' }, 'e:6379/5 tls'],
    ['a URL in a variable', '{}', { REDIS_URL: 'redis://e' }, 'e:6379/0'],
    ['a URL of Valkey', '{}', { REDIS_URL: 'valkeys://:p@[::1]:1' }, ':p@[::1]:1/0 tls'],
    [
      'a cluster in a variable',
      '{}',
      { REDIS_CLUSTER_NODES: '[{"host": "a", "port": 1}, {"host": "b", "port": "2"}]', REDIS_PASSWORD: 'p' },
      ':p@the cluster of a:1, b:2/0',
    ],
    [
      'a cluster in the file',
      'litellm_settings: {cache: true, cache_params: {type: redis, redis_startup_nodes: [{host: os.environ/A, port: 1}]}}',
      { A: 'a' },
      'the cluster of a:1/0',
    ],
    [
      'sentinels in variables',
      '{}',
      { REDIS_SENTINEL_NODES: '[["a", 1], ["b"]]', REDIS_SERVICE_NAME: 'primary', REDIS_PASSWORD: 'p' },
      ':p@primary (by the sentinels a:1, b:26379)/0',
    ],
    [
      'sentinels in the file, with the rest in variables',
      'general_settings: {coordination_redis: {sentinel_nodes: [[a, 1]]}}',
      { REDIS_SERVICE_NAME: 'primary' },
      'primary (by the sentinels a:1)/0',
    ],
    [
      'the variables of environment_variables',
      'environment_variables: {REDIS_HOST: x}',
      { REDIS_HOST: 'e' },
      'x:6379/0',
    ],
    [
      'no port from the link that Kubernetes makes',
      '{}',
      { REDIS_HOST: 'e', REDIS_PORT: 'tcp://10.0.0.1:6379' },
      'e:6379/0',
    ],
    ['none for a broken variable that nobody asks for', '{}', { REDIS_PORT: 'x' }, 'none'],
    ['none for empty variables', '{}', { REDIS_HOST: '', REDIS_URL: '' }, 'none'],
  ])('is %s', (_name, yaml, environment, expected) => {
    expect(told(load(yaml, environment).config.redis)).toBe(expected)
  })

  test('has a deadline of 100 ms, or what is set', () => {
    expect(load('{}', { REDIS_HOST: 'e' }).config.redis).toMatchObject({
      deadlineMs: 100,
      failureThreshold: 5,
    })
    const environment = {
      REDIS_HOST: 'e',
      REDIS_SOCKET_TIMEOUT: '0.25',
      REDIS_CIRCUIT_BREAKER_FAILURE_THRESHOLD: '2',
    }
    expect(load('{}', environment).config.redis).toMatchObject({ deadlineMs: 250, failureThreshold: 2 })
  })

  test('verifies certificates unless it is told not to', () => {
    const tlsOf = (more: string) =>
      load(`general_settings: {coordination_redis: {host: h, ssl: true${more}}}`).config.redis?.tls
    expect(tlsOf('')).toMatchObject({ verifyCertificate: true, verifyHostname: true })
    expect(tlsOf(', ssl_cert_reqs:')).toMatchObject({ verifyCertificate: true })
    expect(tlsOf(', ssl_cert_reqs: None, ssl_check_hostname: false')).toMatchObject({
      verifyCertificate: false,
      verifyHostname: false,
    })
    expect(tlsOf(', ssl_ca_certs: /ca.pem')).toMatchObject({ caFile: '/ca.pem' })
  })

  test('has the namespace of the cache before its keys', () => {
    const yaml = 'litellm_settings: {cache: true, cache_params: {type: redis, host: h, namespace: team-a}}'
    expect(load(yaml).config.redis?.namespace).toBe('team-a')
  })

  test('is one: a second place in the file is told as not used', () => {
    const yaml = `
litellm_settings: {cache: true, cache_params: {type: redis, host: a}}
general_settings:
  coordination_redis:
    host: b
`
    const { config, warnings } = load(yaml, { REDIS_HOST: 'c' })
    expect(told(config.redis)).toBe('a:6379/0')
    expect(warnings.filter(({ key }) => key.includes('redis'))).toEqual([
      expect.objectContaining({
        line: 5,
        key: 'general_settings.coordination_redis.host',
        message: expect.stringContaining('a:6379'),
      }),
    ])
  })
})

describe('a fault', () => {
  test.each<[string, string, Environment, RegExp]>([
    [
      'a port',
      '{}',
      { REDIS_HOST: 'e', REDIS_PORT: 'canary' },
      /^environment: error: REDIS_PORT: expected a port number/m,
    ],
    [
      'a URL',
      'router_settings: {redis_url: "http://canary"}',
      {},
      /1:19: error: router_settings\.redis_url: expected a URL/,
    ],
    ['a URL in a variable', '{}', { REDIS_URL: 'canary' }, /REDIS_URL: expected a URL/],
    ['nodes', '{}', { REDIS_CLUSTER_NODES: 'canary' }, /REDIS_CLUSTER_NODES: expected a list/],
    [
      'no service name',
      '{}',
      { REDIS_SENTINEL_NODES: '[["a", 1]]' },
      /REDIS_SERVICE_NAME: expected the name/,
    ],
    [
      'a database of a cluster',
      '{}',
      { REDIS_CLUSTER_NODES: '[["a", 1]]', REDIS_DB: '2' },
      /REDIS_DB: expected database 0/,
    ],
  ])('in %s names its key and not its value', (_name, yaml, environment, expected) => {
    const call = () => load(yaml, environment)
    expect(call).toThrow(expected)
    expect(call).not.toThrow(/canary/)
  })
})

describe('forms of a place', () => {
  test('any login survives being written into a URL', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        fc.nat(15),
        (user, password, db) => {
          const url = `redis://${encodeURIComponent(user)}:${encodeURIComponent(password)}@host:1/${db}`
          const read = readRedisUrl(url)?.fromUrl
          expect([read?.username, read?.password?.reveal(), read?.db]).toEqual([user, password, db])
        },
      ),
    )
  })

  test('a list of nodes is read the same as maps, as pairs, as texts and as JSON', () => {
    const address = fc.record({
      host: fc.domain(),
      port: fc.integer({ min: 1, max: 65_535 }),
    })
    fc.assert(
      fc.property(fc.array(address, { minLength: 1, maxLength: 5 }), (nodes) => {
        const pairs = nodes.map(({ host, port }) => [host, port])
        const texts = nodes.map(({ host, port }) => `${host}:${port}`)
        for (const form of [nodes, pairs, texts, JSON.stringify(nodes), JSON.stringify(pairs)]) {
          expect(readRedisNodes(form, 6379)).toEqual(nodes)
        }
      }),
    )
  })

  test('anything else is refused and never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // A JSON value is one of the values that a parameter may have.
        const read = readRedisNodes(value as Parameters<typeof readRedisNodes>[0], 6379)
        for (const { host, port } of read ?? []) expect(host.length > 0 && port > 0).toBe(true)
      }),
    )
    fc.assert(fc.property(fc.string(), (text) => void readRedisUrl(text)))
  })
})

test('two settings are the same only when their secrets are', () => {
  const withPassword = (password: string) => load('{}', { REDIS_URL: `redis://:${password}@h` }).config.redis
  expect(isSameRedis(withPassword('a'), withPassword('a'))).toBe(true)
  expect(isSameRedis(withPassword('a'), withPassword('b'))).toBe(false)
  expect(isSameRedis(withPassword('a'), undefined)).toBe(false)
})
