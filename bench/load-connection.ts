/** One keep-alive connection of the load generator: a request goes out, its answer comes in, then the next. */
import { connect, type Socket } from 'node:net'
import { AnswerReader, type AnswerListener } from './answer-reader.ts'
import type { RequestSource } from './request-source.ts'

/** Told by a connection how its calls go. One listener serves all connections of a run. */
export interface CallListener {
  onCallEnd(connection: LoadConnection, status: number): void
  onEvents(connection: LoadConnection, count: number): void
  onBroken(connection: LoadConnection, error: Error): void
  /** Bytes of a body up to `end`, for those who look into them. */
  onBody?(connection: LoadConnection, bytes: Buffer, end: number): void
}

export class LoadConnection implements AnswerListener {
  readonly #listener: CallListener
  readonly #source: RequestSource
  #socket: Socket | undefined
  #reader = new AnswerReader(this)
  #waiting = false
  #closing = false
  /** When the call under way was sent: `performance.now()`. */
  sentAtMs = 0

  constructor(source: RequestSource, listener: CallListener) {
    this.#source = source
    this.#listener = listener
  }

  send(): void {
    this.sentAtMs = performance.now()
    this.#waiting = true
    const socket = (this.#socket ??= this.#open())
    socket.write(this.#source.next())
  }

  close(): void {
    this.#closing = true
    this.#socket?.destroy()
  }

  #open(): Socket {
    const { host, port } = this.#source.request
    const socket = connect({ host, port, noDelay: true })
    this.#reader = new AnswerReader(this)
    socket.on('data', (chunk: Buffer) => this.#reader.push(chunk))
    socket.on('error', (error) => this.#broken(socket, error))
    socket.on('close', () => this.#broken(socket, new Error('the server closed the connection')))
    return socket
  }

  /** A server may close an idle connection; one that it closes under a call is a failure. */
  #broken(socket: Socket, error: Error): void {
    if (socket !== this.#socket) return
    this.#socket = undefined
    if (!this.#waiting || this.#closing) return
    this.#waiting = false
    this.#listener.onBroken(this, error)
  }

  onEvents(count: number): void {
    this.#listener.onEvents(this, count)
  }

  onBody(bytes: Buffer, end: number): void {
    this.#listener.onBody?.(this, bytes, end)
  }

  onAnswerEnd(status: number, _bodyBytes: number, closes: boolean): void {
    this.#waiting = false
    if (closes) {
      this.#socket?.destroy()
      this.#socket = undefined
    }
    this.#listener.onCallEnd(this, status)
  }
}
