import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { keptLog, type KeptLog } from '../../test/kept-log.ts'
import { freePort } from '../../test/free-port.ts'
import { startRedis, type TestRedis } from '../../test/redis.ts'
import { Secret } from '../config/secret.ts'
import { openRedis, type OpenRedis } from './open-redis.ts'
import { RedisUnavailableError, type RedisScript } from './redis.ts'
import { DEFAULT_FAILURE_THRESHOLD, type RedisSettings } from './redis-settings.ts'

/** Far more than an answer takes on a machine that does much else. */
const DEADLINE_MS = 500

let stack: AsyncDisposableStack
let kept: KeptLog

beforeEach(() => {
  stack = new AsyncDisposableStack()
  kept = keptLog()
  stack.defer(() => kept.log.close())
})
afterEach(() => stack.disposeAsync())

function settingsFor(port: number, more: Partial<RedisSettings> = {}): RedisSettings {
  return {
    place: { kind: 'single', address: { host: '127.0.0.1', port } },
    username: undefined,
    password: undefined,
    database: 0,
    tls: undefined,
    namespace: undefined,
    deadlineMs: DEADLINE_MS,
    failureThreshold: DEFAULT_FAILURE_THRESHOLD,
    ...more,
  }
}

function open(settings: RedisSettings): OpenRedis {
  const redis = openRedis(settings, { log: kept.log })
  stack.defer(() => redis.close())
  return redis
}

async function connected(settings: RedisSettings): Promise<OpenRedis> {
  const redis = open(settings)
  await becomes(redis, true)
  return redis
}

async function server(options: Parameters<typeof startRedis>[0] = {}): Promise<TestRedis> {
  return stack.use(await startRedis(options))
}

/** The bound is what the test holds it to; it ends as soon as it is so. */
async function becomes(redis: OpenRedis, available: boolean, withinMs = 10_000): Promise<void> {
  await holds(() => redis.available === available, withinMs)
}

async function holds(condition: () => boolean, withinMs = 10_000): Promise<void> {
  const giveUpAtMs = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > giveUpAtMs)
      throw new Error(`not so within ${withinMs} ms: ${condition.toString()}`)
    await sleep(5)
  }
}

const ADD: RedisScript = { name: 'add', lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" }

describe('commands', () => {
  test('store bytes as they are, with and without an end', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    const bytes = Buffer.from([0, 255, 13, 10, 128])
    await redis.set('bytes', bytes, undefined)
    expect(await redis.get('bytes')).toEqual(bytes)
    expect(await redis.get('nothing')).toBeUndefined()
    await redis.set('ending', 'soon', 60_000)
    expect(Number(await redisServer.command('pttl', 'ending'))).toBeGreaterThan(0)
    expect(Number(await redisServer.command('pttl', 'bytes'))).toBe(-1)
  })

  test('run a script, also after the server has forgotten it', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    expect(await redis.script(ADD, ['n'], [2])).toBe(2)
    await redisServer.command('script', 'flush')
    expect(await redis.script(ADD, ['n'], [3])).toBe(5)
  })

  test('tell an error of the server in its words, and go on', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    await redis.set('word', 'abc', undefined)
    await expect(redis.script(ADD, ['word'], [1])).rejects.toThrow(/not an integer/)
    expect(redis.available).toBe(true)
  })

  test('delete by prefix takes the prefix literally and leaves other keys', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    for (const key of ['a*b:1', 'a*b:2', 'axb:1', 'other']) await redis.set(key, '1', undefined)
    for (let index = 0; index < 1200; index++) await redis.set(`a*b:many:${index}`, '1', undefined)
    expect(await redis.deleteByPrefix('a*b:')).toBe(1202)
    expect(await redis.delete(['axb:1', 'other', 'missing'])).toBe(2)
  })

  test('a message reaches those who listen, also after the connection was lost', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    const heard: string[] = []
    redis.subscribe('channel', (message) => void heard.push(message))
    const publishUntilHeard = async (message: string): Promise<void> => {
      while (!heard.includes(message)) {
        await redis.publish('channel', message).catch(() => undefined)
        await sleep(10)
      }
    }
    await publishUntilHeard('one')
    await redisServer.stop()
    await redisServer.start()
    await publishUntilHeard('two')
  })
})

describe('a server that hangs', () => {
  test('costs a command at most its deadline, and those after it nothing', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    redisServer.pause()
    stack.defer(() => redisServer.resume())
    await expect(redis.script(ADD, ['n'], [1])).rejects.toThrow(RedisUnavailableError)
    await becomes(redis, false)
    const refusedBefore = redis.stats.refusedCommands
    await expect(redis.get('n')).rejects.toThrow(RedisUnavailableError)
    expect(redis.stats.refusedCommands).toBe(refusedBefore + 1)
  })

  test('opens the breaker by one command alone, without further traffic', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    redisServer.pause()
    stack.defer(() => redisServer.resume())
    await expect(redis.get('n')).rejects.toThrow(RedisUnavailableError)
    await becomes(redis, false)
  })

  test('is used again within two seconds of its recovery, after a short pause and after a long one', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    for (const reason of [/does not answer/, /Socket timeout/]) {
      redisServer.pause()
      await expect(redis.get('n')).rejects.toThrow(RedisUnavailableError)
      // At first the connection is kept; then it is given up, and new ones hang too.
      for (let text = ''; !reason.test(text); await sleep(20)) text = String(await failureOf(redis.get('n')))
      redisServer.resume()
      await becomes(redis, true, 2_000)
      expect(await redis.ping()).toBe('PONG')
    }
  })

  test('is told once when lost and once when back, however many commands fail', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    redisServer.pause()
    await Promise.allSettled(Array.from({ length: 20 }, () => redis.get('n')))
    await becomes(redis, false)
    redisServer.resume()
    await becomes(redis, true)
    expect(kept.messages('warn')).toHaveLength(1)
    expect(kept.messages('warn')[0]).toMatch(
      /^Redis at 127\.0\.0\.1:\d+ is not available: it does not answer/,
    )
    expect(kept.messages('info')).toEqual(['connected to Redis', 'Redis is back'])
  })

  test('gets no command twice: what had missed its deadline is not sent again', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    await redis.script(ADD, ['n'], [1])
    redisServer.pause()
    await expect(redis.script(ADD, ['n'], [1])).rejects.toThrow(RedisUnavailableError)
    redisServer.resume()
    await becomes(redis, true)
    // The command was in the server's socket already: it counted once.
    expect(String(await redis.get('n'))).toBe('2')
  })

  test('an answer that had arrived in time counts, although this process came to it late', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    const answer = redis.ping()
    // The write leaves at the end of this turn; then the process is busy for longer than the deadline.
    setImmediate(() => setImmediate(() => busyFor(3 * DEADLINE_MS)))
    expect(await answer).toBe('PONG')
    expect(redis.stats.timeouts).toBe(0)
  })
})

function busyFor(durationMs: number): void {
  const untilMs = performance.now() + durationMs
  while (performance.now() < untilMs);
}

describe('a server that is away', () => {
  test('neither fails nor holds up the start, is told once, and is taken up when it comes', async () => {
    const port = await freePort()
    const redis = open(settingsFor(port, { password: new Secret('canary-password') }))
    await redis.firstTry()
    expect(redis.available).toBe(false)
    await expect(redis.get('n')).rejects.toThrow(/not available: .*ECONNREFUSED/)
    await server({ port, password: 'canary-password' })
    await becomes(redis, true)
    expect(kept.messages('warn')).toHaveLength(1)
    expect(kept.messages('warn')[0]).toContain(
      `Redis at 127.0.0.1:${port} is not available: connect ECONNREFUSED`,
    )
    expect(kept.text()).not.toContain('canary')
  })

  test('refuses at once what is asked while it restarts, and comes back by itself', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port))
    let connections = 0
    redis.onConnected(() => void connections++)
    await redisServer.stop()
    await becomes(redis, false)
    await expect(redis.set('a', 'b', undefined)).rejects.toThrow(RedisUnavailableError)
    await redisServer.start()
    await becomes(redis, true)
    expect(redis.stats.reconnects).toBe(1)
    expect(redis.stats).toMatchObject({ lost: 1, found: 1 })
    expect(connections).toBe(1)
  })

  test('ends what is under way when it is killed', async () => {
    const redisServer = await server()
    const redis = await connected(settingsFor(redisServer.port, { deadlineMs: 60_000 }))
    redisServer.pause()
    const underWay = Promise.allSettled([redis.get('a'), redis.script(ADD, ['n'], [1])])
    await redisServer.stop()
    for (const result of await underWay) {
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(RedisUnavailableError) })
    }
  })
})

describe('the login', () => {
  test('works with a password, and with user, password and database', async () => {
    const redisServer = await server({
      password: 'secret-of-default',
      settings: ['user sluice on >secret-of-sluice ~* &* +@all'],
    })
    const { port } = redisServer
    await connected(settingsFor(port, { password: new Secret('secret-of-default') }))
    const redis = await connected(
      settingsFor(port, { username: 'sluice', password: new Secret('secret-of-sluice'), database: 3 }),
    )
    await redis.set('where', 'here', undefined)
    expect(await redisServer.command('-n', '3', 'get', 'where')).toBe('here')
  })

  test('that is refused is told clearly and without the secret', async () => {
    const { port } = await server({ password: 'right-password' })
    for (const password of [new Secret('canary-wrong'), undefined]) {
      const redis = open(settingsFor(port, { password }))
      await redis.firstTry()
      expect(redis.available).toBe(false)
      const error = await failureOf(redis.get('n'))
      expect(String(error)).toMatch(/refuses the login/)
      expect(inspectDeeply(error)).not.toContain('canary')
    }
    expect(kept.messages('warn')).toHaveLength(2)
    expect(kept.messages('warn').every((message) => message.includes('refuses the login'))).toBe(true)
    expect(kept.text()).not.toContain('canary')
  })
})

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work
  } catch (error) {
    return error
  }
}

function inspectDeeply(value: unknown): string {
  return JSON.stringify(value, Object.getOwnPropertyNames(value)) + String(value)
}

describe('TLS', () => {
  test('verifies the certificate against the given authority', async () => {
    const redisServer = await server({ tls: true })
    const tls = {
      verifyCertificate: true,
      verifyHostname: true,
      caFile: redisServer.caFile,
      certificateFile: undefined,
      keyFile: undefined,
    }
    const redis = await connected(settingsFor(redisServer.port, { tls }))
    expect(await redis.ping()).toBe('PONG')
    const lenient = { ...tls, caFile: undefined, verifyCertificate: false }
    expect(await (await connected(settingsFor(redisServer.port, { tls: lenient }))).ping()).toBe('PONG')
  })

  test('refuses a certificate that nobody vouches for, and says what to set', async () => {
    const redisServer = await server({ tls: true })
    const tls = {
      verifyCertificate: true,
      verifyHostname: true,
      caFile: undefined,
      certificateFile: undefined,
      keyFile: undefined,
    }
    const redis = open(settingsFor(redisServer.port, { tls }))
    await holds(() => kept.messages('warn').length > 0)
    expect(redis.available).toBe(false)
    expect(kept.messages('warn')[0]).toMatch(/certificate.*ssl_ca_certs/)
  })

  test('a file that is not there is named', () => {
    const tls = {
      verifyCertificate: true,
      verifyHostname: true,
      caFile: '/nowhere/ca.pem',
      certificateFile: undefined,
      keyFile: undefined,
    }
    expect(() => open(settingsFor(1, { tls }))).toThrow(/\/nowhere\/ca\.pem that ssl_ca_certs names/)
  })
})
