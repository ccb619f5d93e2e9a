/** A provider on bare sockets: a test reads each request of a connection, and writes whatever bytes it likes. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createSecureServer, type TlsOptions } from 'node:tls'

export class ByteConnection {
  readonly socket: Socket
  /** Settles when the connection is closed, by whomever. */
  readonly closed: Promise<void>
  #received: Buffer[] = []
  #receivedBytes = 0
  /** Bytes of the request that is coming, once its head is there. */
  #expectedBytes: number | undefined
  #over = false
  #wake: () => void = () => undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.#received.push(bytes)
      this.#receivedBytes += bytes.length
      this.#wake()
    })
    socket.on('error', () => undefined)
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#over = true
        this.#wake()
        resolve()
      })
    })
  }

  /** The next whole request, as Latin-1; undefined when the connection closes before. */
  async request(): Promise<string | undefined> {
    for (;;) {
      const request = this.#take()
      if (request !== undefined || this.#over) return request
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** Answers every request from now on with the same bytes. */
  answerAll(bytes: string): void {
    void this.#answerAll(bytes)
  }

  /** Settles when the bytes have left the process. */
  async write(bytes: string | Buffer): Promise<void> {
    await new Promise<void>((resolve) => this.socket.write(bytes, 'latin1', () => resolve()))
  }

  async #answerAll(bytes: string): Promise<void> {
    while ((await this.request()) !== undefined) this.socket.write(bytes, 'latin1')
  }

  #take(): string | undefined {
    if (this.#expectedBytes === undefined) {
      const text = Buffer.concat(this.#received).toString('latin1')
      const head = text.indexOf('\r\n\r\n') + 4
      if (head < 4) return undefined
      this.#expectedBytes = head + Number(/\r\ncontent-length: (\d+)\r\n/.exec(text)?.[1] ?? 0)
    }
    if (this.#receivedBytes < this.#expectedBytes) return undefined
    const all = Buffer.concat(this.#received)
    const request = all.toString('latin1', 0, this.#expectedBytes)
    this.#received = [all.subarray(this.#expectedBytes)]
    this.#receivedBytes -= this.#expectedBytes
    this.#expectedBytes = undefined
    return request
  }
}

export class ByteProvider {
  readonly #server: Server
  readonly #scheme: string
  readonly #ready: ByteConnection[] = []
  readonly #waiting: ((connection: ByteConnection) => void)[] = []
  readonly #open = new Set<Socket>()
  /** Connections so far: with TLS, those whose handshake was finished. */
  connections = 0
  /** What has come on all of them; with TLS, after decryption. */
  receivedBytes = 0

  private constructor(server: Server, scheme: string) {
    this.#server = server
    this.#scheme = scheme
    server.on(scheme === 'https' ? 'secureConnection' : 'connection', (socket: Socket) =>
      this.#accept(socket),
    )
  }

  static async start(tls?: TlsOptions): Promise<ByteProvider> {
    const server = tls === undefined ? createServer({ noDelay: true }) : createSecureServer(tls)
    const provider = new ByteProvider(server, tls === undefined ? 'http' : 'https')
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return provider
  }

  /** Certificates are of `localhost`. */
  get origin(): string {
    const host = this.#scheme === 'https' ? 'localhost' : '127.0.0.1'
    return `${this.#scheme}://${host}:${(this.#server.address() as AddressInfo).port}`
  }

  /** The next connection that nobody has taken yet. */
  async next(): Promise<ByteConnection> {
    const ready = this.#ready.shift()
    return ready ?? (await new Promise<ByteConnection>((resolve) => this.#waiting.push(resolve)))
  }

  /** Answers every request on connections that come from now on with the same bytes. */
  answerAll(bytes: string): void {
    void this.#answerAll(bytes)
  }

  /** The next connection of TCP, whatever comes of it, is closed. */
  async nextClosed(): Promise<void> {
    await new Promise<void>((resolve) =>
      this.#server.once('connection', (socket: Socket) => socket.once('close', () => resolve())),
    )
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#open) socket.destroy()
    await closed
  }

  async #answerAll(bytes: string): Promise<void> {
    for (;;) (await this.next()).answerAll(bytes)
  }

  #accept(socket: Socket): void {
    this.connections += 1
    this.#open.add(socket)
    socket.on('close', () => this.#open.delete(socket))
    socket.on('data', (bytes: Buffer) => (this.receivedBytes += bytes.length))
    const connection = new ByteConnection(socket)
    const taker = this.#waiting.shift()
    if (taker === undefined) this.#ready.push(connection)
    else taker(connection)
  }
}
