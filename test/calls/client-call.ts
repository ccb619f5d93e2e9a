/** A plain HTTP client for calls through the gateway: it sends and shows exact bytes, and can leave or stop reading. */
import { request, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { MASTER_KEY } from '../running-gateway.ts'

export interface Answer {
  /** 0 when the connection ended before any head came. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
  /** True when the HTTP answer was not broken off. */
  readonly whole: boolean
}

export interface CallOptions {
  readonly method?: string
  /** Text and bytes go as they are, anything else as JSON. */
  readonly body?: unknown
  /** Over `content-type: application/json` and the master key; `undefined` takes a header away. */
  readonly headers?: Readonly<Record<string, string | undefined>>
}

export class ClientCall {
  /** Settles with the end of the exchange, however it ends. */
  readonly ended: Promise<Answer>
  readonly #request: ClientRequest
  readonly #chunks: Buffer[] = []
  #text = ''
  #response: IncomingMessage | undefined
  #waiting: (() => void)[] = []
  #over = false

  constructor(url: string, options: CallOptions = {}) {
    const body = bytesOf(options.body)
    const headers = {
      authorization: `Bearer ${MASTER_KEY}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
      ...options.headers,
    }
    this.#request = request(url, {
      method: options.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
      agent: false,
    })
    this.ended = this.#follow()
    this.#request.end(body)
  }

  get text(): string {
    return this.#text
  }

  /** Waits until `condition` holds of the text so far; fails when the exchange ends before. */
  async until(condition: (text: string) => boolean): Promise<void> {
    while (!condition(this.#text)) {
      if (this.#over)
        throw new Error(`the answer ended before the condition held: ${this.#text.slice(0, 500)}`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Closes the connection at once. */
  leave(): void {
    this.#request.destroy()
  }

  /** Reads no more from the socket until `resume`. */
  pause(): void {
    this.#response?.pause()
  }

  resume(): void {
    this.#response?.resume()
  }

  #follow(): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const end = (): void => {
      this.#over = true
      resolve({
        status: this.#response?.statusCode ?? 0,
        headers: this.#response?.headers ?? {},
        body: Buffer.concat(this.#chunks),
        text: Buffer.concat(this.#chunks).toString('utf8'),
        whole: this.#response?.complete ?? false,
      })
      this.#wake()
    }
    this.#request.on('error', end)
    this.#request.on('response', (response) => {
      this.#response = response
      response.on('data', (chunk: Buffer) => {
        this.#chunks.push(chunk)
        this.#text += chunk.toString('latin1')
        this.#wake()
      })
      response.on('error', () => undefined)
      response.on('close', end)
    })
    return promise
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

/** One exchange, to its end. */
export async function send(url: string, options: CallOptions = {}): Promise<Answer> {
  return await new ClientCall(url, options).ended
}

function bytesOf(body: unknown): Buffer | undefined {
  if (body === undefined || Buffer.isBuffer(body)) return body
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}
