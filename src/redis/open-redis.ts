/** Opens Redis: the commands that the rooms above use, and the messages. */
import { createHash } from 'node:crypto'
import { Command } from 'ioredis'
import { connectRedis, type RedisClient } from './connect.ts'
import { Guard, type RedisParts, type RedisStats } from './guard.ts'
import type { Redis, RedisScript, RedisValue } from './redis.ts'
import type { RedisSettings } from './redis-settings.ts'
import { keepStringMethodsFast } from './string-methods.ts'
import { Subscriber } from './subscriber.ts'

export interface OpenRedis extends Redis {
  readonly stats: RedisStats
  /** Resolves when the first try to connect has ended, well or not, or after a quarter of a second. */
  firstTry(): Promise<void>
}

const SCAN_COUNT = 500

/**
 * Connects in the background: a server that is away makes nothing fail and nothing wait, and is taken up when it comes.
 *
 * @throws when a certificate file that the settings name cannot be used.
 */
export function openRedis(settings: RedisSettings, parts: RedisParts): OpenRedis {
  keepStringMethodsFast()
  return new GuardedRedis(settings, parts)
}

class GuardedRedis implements OpenRedis {
  readonly namespace: string
  readonly #guard: Guard
  readonly #subscriber: Subscriber
  readonly #digests = new Map<RedisScript, string>()
  readonly #onConnected: (() => void)[] = []

  constructor(settings: RedisSettings, parts: RedisParts) {
    this.namespace = settings.namespace === undefined ? '' : `${settings.namespace}:`
    const onConnected = (): void => {
      for (const listener of this.#onConnected) listener()
    }
    this.#guard = new Guard(settings, parts, onConnected)
    this.#subscriber = new Subscriber({ connect: () => connectRedis(settings), onListening: onConnected })
  }

  get available(): boolean {
    return this.#guard.available
  }

  get stats(): RedisStats {
    return this.#guard.stats
  }

  firstTry(): Promise<void> {
    return this.#guard.firstTry()
  }

  async script(
    script: RedisScript,
    keys: readonly string[],
    values: readonly RedisValue[],
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...values]
    try {
      return await this.#guard.send(
        script.name,
        new Command('evalsha', [this.#digestOf(script), ...rest], UTF8),
      )
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await this.#guard.send(script.name, new Command('eval', [script.lua, ...rest], UTF8))
    }
  }

  whenTurnEnds(task: () => void): void {
    this.#guard.whenTurnEnds(task)
  }

  async get(key: string): Promise<Buffer | undefined> {
    const answer = await this.#guard.send('get', new Command('get', [key], BYTES))
    return Buffer.isBuffer(answer) ? answer : undefined
  }

  async set(key: string, value: RedisValue, ttlMs: number | undefined): Promise<void> {
    const expiry = ttlMs === undefined ? [] : ['PX', Math.max(1, Math.ceil(ttlMs))]
    await this.#guard.send('set', new Command('set', [key, value, ...expiry], UTF8))
  }

  async delete(keys: readonly string[]): Promise<number> {
    if (keys.length === 0) return 0
    // The keys of one command on a cluster must be in one slot.
    const groups = this.#guard.isCluster ? keys.map((key) => [key]) : [keys]
    const counts = await Promise.all(
      groups.map((group) => this.#guard.send('delete', new Command('unlink', [...group], UTF8))),
    )
    return counts.reduce<number>((sum, count) => sum + Number(count), 0)
  }

  async deleteByPrefix(prefix: string): Promise<number> {
    const pattern = `${prefix.replaceAll(/[\\*?[\]]/g, '\\$&')}*`
    const counts = await Promise.all(this.#guard.nodes().map((node) => this.#deleteMatching(node, pattern)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async ping(): Promise<string> {
    return String(await this.#guard.send('ping', new Command('ping', [], UTF8)))
  }

  subscribe(channel: string, listener: (message: string) => void): void {
    this.#subscriber.subscribe(channel, listener)
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.#guard.send('publish', new Command('publish', [channel, message], UTF8))
  }

  onConnected(listener: () => void): void {
    this.#onConnected.push(listener)
  }

  async close(): Promise<void> {
    await this.#guard.close()
    this.#subscriber.close()
  }

  #digestOf(script: RedisScript): string {
    let digest = this.#digests.get(script)
    if (digest === undefined) {
      digest = createHash('sha1').update(script.lua).digest('hex')
      this.#digests.set(script, digest)
    }
    return digest
  }

  async #deleteMatching(node: RedisClient, pattern: string): Promise<number> {
    let cursor = '0'
    let count = 0
    do {
      const scan = new Command('scan', [cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT], UTF8)
      const page = readScanPage(await this.#guard.send('scan', scan, node))
      cursor = page.cursor
      count += await this.delete(page.keys)
    } while (cursor !== '0')
    return count
  }
}

const UTF8 = { replyEncoding: 'utf8' } as const
const BYTES = { replyEncoding: null } as const

function readScanPage(answer: unknown): { readonly cursor: string; readonly keys: readonly string[] } {
  if (!Array.isArray(answer) || !Array.isArray(answer[1]))
    throw new Error('Redis answered SCAN without a page')
  return { cursor: String(answer[0]), keys: answer[1].map(String) }
}
