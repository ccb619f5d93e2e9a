/** Whether all servers that hold data are connected, kept up to date by the client's events. */
import { Cluster, type Redis as Client } from 'ioredis'
import type { RedisClient } from './connect.ts'

export class ConnectionState {
  readonly #client: RedisClient
  readonly #onChange: (isConnected: boolean) => void
  #isConnected = false

  /** @param onChange told of each change, and again when a try to connect has failed. */
  constructor(client: RedisClient, onChange: (isConnected: boolean) => void) {
    this.#client = client
    this.#onChange = onChange
    client.on('ready', this.#update)
    client.on('close', this.#update)
    if (client instanceof Cluster) {
      client.on('+node', this.#watchNode)
      client.on('-node', this.#update)
    }
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  /** The client of a cluster connects to a node at its first command, which it refuses meanwhile: sooner is better. */
  readonly #watchNode = (node: Client): void => {
    node.on('ready', this.#update)
    node.on('close', this.#update)
    if (node.options.readOnly !== true && node.status === 'wait') node.connect().catch(() => undefined)
    this.#update()
  }

  readonly #update = (): void => {
    const isConnected = this.#read()
    if (isConnected === this.#isConnected && isConnected) return
    this.#isConnected = isConnected
    this.#onChange(isConnected)
  }

  #read(): boolean {
    const client = this.#client
    if (client.status !== 'ready') return false
    if (!(client instanceof Cluster)) return true
    const nodes = client.nodes('master')
    return nodes.length > 0 && nodes.every((node) => node.status === 'ready')
  }
}
