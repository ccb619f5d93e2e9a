/**
 * The floor of the runtime: a relay by Node's bare sockets. It finds where a request and its answer end, passes the
 * bytes on as they are, and does nothing else: no header is read for its sense, changed or checked, nothing is counted.
 * It is no gateway and not safe as a proxy; it shows what is left when everything that can be left out is.
 *
 * Usage: socket-relay.ts PORT PROVIDER-PORT
 */
import { connect, createServer, type Socket } from 'node:net'

const [port, providerPort] = process.argv.slice(2).map(Number)
const HEAD_END = '\r\n\r\n'
const LAST_CHUNK = Buffer.from('0\r\n\r\n')
const HEALTHY = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'

/** Follows the messages of one direction of a connection, as far as to know where each ends. */
class MessageEnds {
  #head: Buffer | undefined
  /** Of the body under way: Infinity while it comes in chunks. */
  #left = 0

  /** @returns the path of a request or the status of an answer when `bytes` begin one. */
  begins(bytes: Buffer): string | undefined {
    if (this.#left > 0) {
      this.#follow(bytes, 0)
      return undefined
    }
    const buffer = this.#head === undefined ? bytes : Buffer.concat([this.#head, bytes])
    const headEnd = buffer.indexOf(HEAD_END)
    this.#head = headEnd === -1 ? buffer : undefined
    if (headEnd === -1) return undefined
    const head = buffer.toString('latin1', 0, headEnd)
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    this.#left = length === undefined && /\r\ntransfer-encoding:/i.test(head) ? Infinity : Number(length ?? 0)
    this.#follow(buffer, headEnd + HEAD_END.length)
    return head.split(' ', 2)[1]
  }

  get isAtEnd(): boolean {
    return this.#left === 0 && this.#head === undefined
  }

  #follow(bytes: Buffer, from: number): void {
    if (this.#left !== Infinity) this.#left -= bytes.length - from
    else if (bytes.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)) this.#left = 0
  }
}

/** A connection to the provider, kept for the next call when its answer has ended. */
interface Upstream {
  readonly socket: Socket
  readonly answers: MessageEnds
  client: Socket | undefined
}

const idle: Upstream[] = []

/** All connections to the provider read into it, which spares the runtime a buffer each time: bytes are copied on. */
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536)

function openUpstream(): Upstream {
  const callback = (count: number): boolean => {
    const bytes = Buffer.from(READ_BUFFER.subarray(0, count))
    upstream.answers.begins(bytes)
    upstream.client?.write(bytes)
    if (upstream.answers.isAtEnd) {
      upstream.client = undefined
      idle.push(upstream)
    }
    return true
  }
  const onread = { buffer: READ_BUFFER, callback }
  const socket = connect({ host: '127.0.0.1', port: Number(providerPort), noDelay: true, onread })
  const upstream: Upstream = { socket, answers: new MessageEnds(), client: undefined }
  socket.on('error', () => upstream.client?.destroy())
  return upstream
}

createServer({ noDelay: true }, (client) => {
  const requests = new MessageEnds()
  let upstream: Upstream | undefined
  client.on('data', (bytes: Buffer) => {
    if (requests.begins(bytes) === '/health') {
      client.write(HEALTHY)
      return
    }
    upstream ??= idle.pop() ?? openUpstream()
    upstream.client = client
    upstream.socket.write(bytes)
    if (requests.isAtEnd) upstream = undefined
  })
  client.on('error', () => client.destroy())
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 })
