/** A TCP connection on which a test writes whatever bytes it likes, and reads the HTTP answers that come back. */
import { connect, type Socket } from 'node:net'
import { MASTER_KEY } from '../running-gateway.ts'

export interface RawAnswer {
  readonly status: number
  /** Lowercase names; of a repeated one the last value. */
  readonly headers: Readonly<Record<string, string>>
  readonly head: string
  readonly body: string
}

export class RawConnection {
  /** Settles when the connection is closed, by whomever. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  #over = false
  #wake: () => void = () => undefined

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#socket = connect({ host: hostname, port: Number(port) })
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    this.#socket.on('error', () => undefined)
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.#over = true
        this.#wake()
        resolve()
      })
    })
  }

  send(bytes: string | Buffer): this {
    this.#socket.write(bytes)
    return this
  }

  /** The next whole answer; undefined when the connection closes before one is whole. */
  async answer(): Promise<RawAnswer | undefined> {
    for (;;) {
      const parsed = parseAnswer(this.#received, this.#over)
      if (parsed !== undefined) {
        this.#received = this.#received.subarray(parsed.length)
        return parsed.answer
      }
      if (this.#over) return undefined
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** Reads no more from the socket. */
  pause(): void {
    this.#socket.pause()
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** Sends bytes on a connection of their own, and waits for one answer. */
export async function exchange(url: string, bytes: string | Buffer): Promise<RawAnswer | undefined> {
  const connection = new RawConnection(url).send(bytes)
  try {
    return await connection.answer()
  } finally {
    connection.close()
  }
}

/** The head of a request with the master key; `lines` stand as they are. */
export function head(requestLine: string, ...lines: readonly string[]): string {
  return `${[requestLine, 'Host: gateway', `Authorization: Bearer ${MASTER_KEY}`, ...lines].join('\r\n')}\r\n\r\n`
}

function parseAnswer(bytes: Buffer, over: boolean): { answer: RawAnswer; length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const text = bytes.toString('latin1', 0, headEnd)
  const [statusLine = '', ...lines] = text.split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  const start = headEnd + 4
  const status = Number(statusLine.split(' ')[1])
  const end = status < 200 ? start : bodyEnd(bytes, start, headers, over)
  if (end === undefined) return undefined
  const body = bytes.toString('utf8', start, end)
  return { answer: { status, headers, head: text, body }, length: end }
}

function bodyEnd(
  bytes: Buffer,
  start: number,
  headers: Readonly<Record<string, string>>,
  over: boolean,
): number | undefined {
  const declared = headers['content-length']
  if (declared !== undefined) {
    const end = start + Number(declared)
    return bytes.length >= end ? end : undefined
  }
  if (headers['transfer-encoding'] === 'chunked') {
    const last = bytes.indexOf('0\r\n\r\n', start)
    return last < 0 ? undefined : last + 5
  }
  return over ? bytes.length : undefined
}
