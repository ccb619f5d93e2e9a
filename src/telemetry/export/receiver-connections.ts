/**
 * Connections to those that are told of calls and alerts. Their client is loaded with the first message: most gateways
 * send none, and it would be a tenth of what they keep in memory.
 */
import type { Agent, Dispatcher } from 'undici'

const CONNECT_TIMEOUT_MS = 5_000

export class ReceiverConnections {
  readonly #connectionsPerReceiver: number
  #agent: Promise<Agent> | undefined

  constructor(connectionsPerReceiver: number) {
    this.#connectionsPerReceiver = connectionsPerReceiver
  }

  async request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    this.#agent ??= openAgent(this.#connectionsPerReceiver)
    return await (await this.#agent).request(options)
  }

  /** Cuts what is under way. */
  async destroy(): Promise<void> {
    await (await this.#agent)?.destroy()
  }
}

async function openAgent(connections: number): Promise<Agent> {
  const { Agent } = await import('undici')
  return new Agent({ connections, connect: { timeout: CONNECT_TIMEOUT_MS } })
}
