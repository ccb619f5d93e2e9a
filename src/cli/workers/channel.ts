/** Questions and answers between a worker and the process above it, over the pipe that Node opens between them. */
import type { Topics } from './topics.ts'

/** The other side's end of the pipe: a child process, or this process itself for a child. */
export interface Pipe {
  readonly connected: boolean
  send(message: Envelope, onSent: (error: Error | null) => void): unknown
  on(event: 'message', listener: (message: unknown) => void): unknown
  on(event: 'disconnect', listener: () => void): unknown
}

type Topic = keyof Topics

type Envelope =
  | { readonly kind: 'ask'; readonly id: number; readonly topic: Topic; readonly body: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string }

type Handler = (body: unknown) => unknown

interface Waiter {
  resolve(body: unknown): void
  reject(error: Error): void
}

/** The other side is gone, or could not answer. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError'
}

export class Channel {
  readonly #pipe: Pipe
  readonly #handlers = new Map<Topic, Handler>()
  readonly #waiters = new Map<number, Waiter>()
  #nextId = 1

  constructor(pipe: Pipe) {
    this.#pipe = pipe
    // The other side is this program: its messages are envelopes, and their bodies what `Topics` says.
    pipe.on('message', (message) => this.#onMessage(message as Envelope))
    pipe.on('disconnect', () => this.#onDisconnect())
  }

  get open(): boolean {
    return this.#pipe.connected
  }

  /** Answers questions about a topic from now on. */
  answer<T extends Topic>(
    topic: T,
    handler: (body: Topics[T]['ask']) => Topics[T]['answer'] | Promise<Topics[T]['answer']>,
  ): void {
    this.#handlers.set(topic, (body) => handler(body as Topics[T]['ask']))
  }

  /** @throws ChannelError (as rejection) when the other side is gone or failed. */
  ask<T extends Topic>(topic: T, body: Topics[T]['ask']): Promise<Topics[T]['answer']> {
    const id = this.#nextId++
    return new Promise<Topics[T]['answer']>((resolve, reject) => {
      this.#waiters.set(id, { resolve: (answer) => resolve(answer as Topics[T]['answer']), reject })
      this.#send({ kind: 'ask', id, topic, body }, (error) => {
        if (error !== null) this.#settle(id)?.reject(new ChannelError(error.message))
      })
    })
  }

  /** Asks, and does not want to know: a side that is gone needs no orders. */
  tell<T extends Topic>(topic: T, body: Topics[T]['ask']): void {
    this.ask(topic, body).catch(doNothing)
  }

  #onMessage(message: Envelope): void {
    switch (message.kind) {
      case 'ask':
        return void this.#onAsked(message.id, message.topic, message.body)
      case 'answer':
        return this.#settle(message.id)?.resolve(message.body)
      case 'failure':
        return this.#settle(message.id)?.reject(new ChannelError(message.message))
    }
  }

  async #onAsked(id: number, topic: Topic, body: unknown): Promise<void> {
    try {
      const handler = this.#handlers.get(topic)
      if (handler === undefined) throw new Error(`nobody answers to ${topic} here`)
      this.#send({ kind: 'answer', id, body: await handler(body) }, doNothing)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#send({ kind: 'failure', id, message }, doNothing)
    }
  }

  #onDisconnect(): void {
    const waiters = [...this.#waiters.values()]
    this.#waiters.clear()
    for (const waiter of waiters) waiter.reject(new ChannelError('the other process is gone'))
  }

  #settle(id: number): Waiter | undefined {
    const waiter = this.#waiters.get(id)
    this.#waiters.delete(id)
    return waiter
  }

  #send(envelope: Envelope, onSent: (error: Error | null) => void): void {
    if (this.#pipe.connected) this.#pipe.send(envelope, onSent)
    else onSent(new Error('the other process is gone'))
  }
}

function doNothing(): void {}
