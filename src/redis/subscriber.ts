/** The connection that listens: apart from the one for commands, made when somebody first listens. */
import { Cluster } from 'ioredis'
import type { RedisClient } from './connect.ts'

/** A connection that broke without a word is found by this: a listener sends nothing by itself. */
const PING_EVERY_MS = 5_000

export interface SubscriberOptions {
  readonly connect: () => RedisClient
  /** Told when all channels are listened to, again after each reconnection. */
  readonly onListening: () => void
}

export class Subscriber {
  readonly #options: SubscriberOptions
  readonly #listeners = new Map<string, ((message: string) => void)[]>()
  #client: RedisClient | undefined
  #ping: NodeJS.Timeout | undefined

  constructor(options: SubscriberOptions) {
    this.#options = options
  }

  subscribe(channel: string, listener: (message: string) => void): void {
    const present = this.#listeners.get(channel)
    if (present !== undefined) {
      present.push(listener)
      return
    }
    this.#listeners.set(channel, [listener])
    const client = (this.#client ??= this.#connect())
    if (client.status === 'ready') void this.#listen(client)
  }

  close(): void {
    clearInterval(this.#ping)
    this.#client?.disconnect()
  }

  #connect(): RedisClient {
    const client = this.#options.connect()
    // What is wrong with the server, the connection for commands tells.
    client.on('error', () => undefined)
    client.on('ready', () => void this.#listen(client))
    client.on('message', (channel: string, message: string) => this.#deliver(channel, message))
    // The client of a cluster looks after its listening connection itself.
    if (!(client instanceof Cluster)) {
      this.#ping = setInterval(() => void client.ping().catch(() => undefined), PING_EVERY_MS)
      this.#ping.unref()
    }
    return client
  }

  async #listen(client: RedisClient): Promise<void> {
    try {
      await client.subscribe(...this.#listeners.keys())
      this.#options.onListening()
    } catch {
      // The connection broke again: the next one listens anew.
    }
  }

  #deliver(channel: string, message: string): void {
    for (const listener of this.#listeners.get(channel) ?? []) listener(message)
  }
}
