/** A provider that a test plays by hand: each request is handed over, and answered byte by byte as the test says. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request to the provider, and its answer in the making. */
export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly body: Buffer
  /** Settles when the connection's exchange is over: answered to its end, or left by the caller. */
  readonly closed: Promise<void>

  constructor(request: IncomingMessage, response: ServerResponse, body: Buffer) {
    this.request = request
    this.response = response
    this.body = body
    this.closed = new Promise((resolve) => response.once('close', () => resolve()))
  }

  /** A whole answer. */
  answer(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    this.response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
  }

  json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.answer(status, { 'content-type': 'application/json', ...headers }, JSON.stringify(body))
  }

  /** The head of a stream and its first bytes. */
  stream(bytes: string | Buffer, headers: Readonly<Record<string, string>> = {}): void {
    this.response.writeHead(200, { 'content-type': 'text/event-stream', ...headers }).write(bytes)
  }

  /** More bytes; settles when they have left the process. */
  async write(bytes: string | Buffer): Promise<void> {
    await new Promise<void>((resolve) => this.response.write(bytes, () => resolve()))
  }

  end(bytes: string | Buffer = ''): void {
    this.response.end(bytes)
  }

  cut(): void {
    this.response.destroy()
  }
}

export class ScriptedProvider {
  readonly #server: Server
  readonly #arrived: Exchange[] = []
  #waiting: ((exchange: Exchange) => void)[] = []
  #received = 0

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<ScriptedProvider> {
    const server = createServer({ keepAliveTimeout: 0 })
    const provider = new ScriptedProvider(server)
    server.on('request', (request, response) => provider.#receive(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return provider
  }

  /** Without a path. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Requests so far. */
  get received(): number {
    return this.#received
  }

  /** The next request that nobody has taken yet. */
  async next(): Promise<Exchange> {
    const ready = this.#arrived.shift()
    return ready ?? (await new Promise<Exchange>((resolve) => this.#waiting.push(resolve)))
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      this.#received += 1
      const exchange = new Exchange(request, response, Buffer.concat(chunks))
      const taker = this.#waiting.shift()
      if (taker === undefined) this.#arrived.push(exchange)
      else taker(exchange)
    })
  }
}
