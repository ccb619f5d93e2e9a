/** One keep-alive connection of the load generator: a request goes out, its answer comes in, then the next. */
import { connect, type Socket } from 'node:net'
import { AnswerReader, type AnswerListener } from './answer-reader.ts'
import type { LoadRequest } from './load-job.ts'

/** About 80 bytes, with characters that JSON must escape and one beyond ASCII, as prompts have them. */
const SENTENCE = 'She said: "the sluice opens at nine".\\n\\tIt holds 3 µm of water, and a boat. '

const SENTENCE_BYTES = Buffer.byteLength(JSON.stringify(SENTENCE)) - 2
/** About what stands around the sentences. */
const ENVELOPE_BYTES = 150

/** The bytes of the request, made once for a whole run. */
export function requestBytes(request: LoadRequest): Buffer {
  const body = Buffer.from(requestBody(request))
  const headers = { host: `${request.host}:${request.port}`, ...request.headers }
  const lines = [
    `POST ${request.path} HTTP/1.1`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'content-type: application/json',
    `content-length: ${body.length}`,
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body])
}

function requestBody(request: LoadRequest): string {
  const content = SENTENCE.repeat(
    Math.max(1, Math.round((request.bodyBytes - ENVELOPE_BYTES) / SENTENCE_BYTES)),
  )
  const messages = [
    { role: 'system', content: 'You answer in one sentence.' },
    { role: 'user', content },
  ]
  const streaming = request.stream ? { stream: true, stream_options: { include_usage: true } } : {}
  return JSON.stringify({ model: request.model, messages, max_tokens: 256, ...streaming })
}

/** Told by a connection how its calls go. One listener serves all connections of a run. */
export interface CallListener {
  onCallEnd(connection: LoadConnection, status: number): void
  onEvents(connection: LoadConnection, count: number): void
  onBroken(connection: LoadConnection, error: Error): void
}

export class LoadConnection implements AnswerListener {
  readonly #listener: CallListener
  readonly #request: LoadRequest
  readonly #bytes: Buffer
  #socket: Socket | undefined
  #reader = new AnswerReader(this)
  #waiting = false
  #closing = false
  /** When the call under way was sent: `performance.now()`. */
  sentAtMs = 0

  constructor(request: LoadRequest, bytes: Buffer, listener: CallListener) {
    this.#request = request
    this.#bytes = bytes
    this.#listener = listener
  }

  send(): void {
    this.sentAtMs = performance.now()
    this.#waiting = true
    const socket = (this.#socket ??= this.#open())
    socket.write(this.#bytes)
  }

  close(): void {
    this.#closing = true
    this.#socket?.destroy()
  }

  #open(): Socket {
    const socket = connect({ host: this.#request.host, port: this.#request.port, noDelay: true })
    this.#reader = new AnswerReader(this)
    socket.on('data', (chunk: Buffer) => this.#reader.push(chunk))
    socket.on('error', (error) => this.#broken(error))
    socket.on('close', () => this.#broken(new Error('the server closed the connection')))
    return socket
  }

  /** A server may close an idle connection; one that it closes under a call is a failure. */
  #broken(error: Error): void {
    this.#socket = undefined
    if (!this.#waiting || this.#closing) return
    this.#waiting = false
    this.#listener.onBroken(this, error)
  }

  onEvents(count: number): void {
    this.#listener.onEvents(this, count)
  }

  onAnswerEnd(status: number): void {
    this.#waiting = false
    this.#listener.onCallEnd(this, status)
  }
}
