/**
 * Connections to those that are told of calls and alerts. Their client is loaded with the first message: most gateways
 * send none, and it would be a tenth of what they keep in memory.
 */
import type { Agent, Dispatcher } from 'undici'

const CONNECT_TIMEOUT_MS = 5_000

export class ReceiverConnections {
  readonly #connectionsPerReceiver: number
  #agent: Agent | undefined

  constructor(connectionsPerReceiver: number) {
    this.#connectionsPerReceiver = connectionsPerReceiver
  }

  async request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    // A failure is not kept: a build that replaces the program's files under it may be followed by another.
    const client = await import('undici')
    this.#agent ??= new client.Agent({
      connections: this.#connectionsPerReceiver,
      connect: { timeout: CONNECT_TIMEOUT_MS },
    })
    return await this.#agent.request(options)
  }

  /** Cuts what is under way. */
  async destroy(): Promise<void> {
    await this.#agent?.destroy()
  }
}
