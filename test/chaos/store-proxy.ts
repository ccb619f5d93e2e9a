/** The wire between the pods and a store, to be slowed down and cut. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

interface Wire {
  readonly pod: Socket
  readonly store: Socket
  /** Bytes were lost on it: it carries nothing ever again, and nobody is told. */
  isDead: boolean
  /** Settles when every answer so far has been handed on. */
  answered: Promise<void>
}

export class StoreProxy implements AsyncDisposable {
  readonly port: number
  readonly #server: Server
  readonly #wires = new Set<Wire>()
  #isCut = false
  #delayMs = 0

  private constructor(server: Server, port: number, storePort: number) {
    this.#server = server
    this.port = port
    server.on('connection', (pod) => this.#connected(pod, storePort))
  }

  static async start(storePort: number): Promise<StoreProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
    return new StoreProxy(server, address.port, storePort)
  }

  /**
   * From now on every byte is lost, in both directions and without a word: no reset, no end. A connection that was
   * open meanwhile stays silent after `heal`, as one whose state a firewall has lost.
   */
  cut(): void {
    this.#isCut = true
    for (const wire of this.#wires) wire.isDead = true
  }

  /** New connections work again. */
  heal(): void {
    this.#isCut = false
  }

  /** Holds back each answer of the store for so long. */
  slowDown(delayMs: number): void {
    this.#delayMs = delayMs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const { pod, store } of this.#wires) {
      pod.destroy()
      store.destroy()
    }
    await closed
  }

  #connected(pod: Socket, storePort: number): void {
    const store = connect(storePort, '127.0.0.1')
    const wire: Wire = { pod, store, isDead: this.#isCut, answered: Promise.resolve() }
    this.#wires.add(wire)
    pod.setNoDelay(true)
    store.setNoDelay(true)
    pod.on('data', (bytes) => !wire.isDead && store.write(bytes))
    store.on('data', (bytes) => {
      const dueAtMs = Date.now() + this.#delayMs
      wire.answered = wire.answered.then(() => answer(wire, bytes, dueAtMs))
    })
    for (const [from, to] of [
      [pod, store],
      [store, pod],
    ] as const) {
      from.on('error', () => {})
      from.on('close', () => this.#closed(wire, from, to))
    }
  }

  #closed(wire: Wire, from: Socket, to: Socket): void {
    if (wire.isDead && from === wire.store) return
    this.#wires.delete(wire)
    to.destroy()
  }
}

async function answer(wire: Wire, bytes: Buffer, dueAtMs: number): Promise<void> {
  const leftMs = dueAtMs - Date.now()
  if (leftMs > 0) await delay(leftMs)
  if (!wire.isDead) wire.pod.write(bytes)
}
