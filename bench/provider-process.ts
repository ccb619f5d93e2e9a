/**
 * The model provider of the benchmark: fixed answers from bare sockets, in the dialect that the end of the path names.
 * It reads no more of a request than where it ends, so that it costs a small part of what any relay before it does.
 * Every chunk of a stream says when it was sent. Prints its ports as one line of JSON.
 *
 * The first segment of the path says which answer is wanted: `/whole/…` one JSON body of 1 KB, `/long/…` one of 400 KB, `/stream/…` 100 chunks
 * 20 ms apart, `/slow/…` 20 chunks 500 ms apart, `/quiet/…` 30 chunks 10 s apart, `/flood/…` chunks without a pause or an
 * end. `/otlp/…` is a collector that takes whatever it is sent.
 *
 * Usage: provider-process.ts [KEY-FILE CERTIFICATE-FILE]; with both it listens with TLS on a second port, too.
 */
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { BenchDialect } from './load-job.ts'
import { PROVIDER_ANSWERS, stampedChunk, type ProviderAnswers } from './provider-answers.ts'

interface Pace {
  readonly chunks: number
  readonly intervalMs: number
}

const PACES: Readonly<Record<string, Pace>> = {
  stream: { chunks: 100, intervalMs: 20 },
  slow: { chunks: 20, intervalMs: 500 },
  quiet: { chunks: 30, intervalMs: 10_000 },
}

const COLLECTED = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n',
)
const UNKNOWN = Buffer.from('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n')

/** One stream under way: a chunk each time that it is due. */
interface Stream {
  readonly socket: Socket
  readonly answers: ProviderAnswers
  readonly intervalMs: number
  chunksLeft: number
  nextAtMs: number
}

const streams = new Set<Stream>()

/** One timer for all streams: each has its own phase, so that chunks do not come in bursts. */
function writeDueChunks(): void {
  const nowMs = performance.now()
  for (const stream of streams) {
    if (stream.nextAtMs > nowMs) continue
    stream.nextAtMs += stream.intervalMs
    if (stream.socket.destroyed) streams.delete(stream)
    else if (stream.chunksLeft > 0) stream.socket.write(stampedChunk(stream.answers))
    else {
      stream.socket.write(stream.answers.streamTail)
      streams.delete(stream)
    }
    stream.chunksLeft -= 1
  }
}

function dialectOf(path: string): BenchDialect {
  if (path.endsWith('/responses')) return 'openai-responses'
  return path.endsWith('/messages') ? 'anthropic-messages' : 'openai-chat'
}

function answer(socket: Socket, path: string): void {
  const kind = path.split('/', 2)[1] ?? ''
  const answers = PROVIDER_ANSWERS[dialectOf(path)]
  const pace = PACES[kind]
  if (kind === 'whole') socket.write(answers.whole)
  else if (kind === 'long') socket.write(answers.long)
  else if (kind === 'otlp') socket.write(COLLECTED)
  else if (kind === 'flood') startFlood(socket, answers)
  else if (pace === undefined) socket.write(UNKNOWN)
  else startStream(socket, answers, pace)
}

/** The first chunk comes at once, so that a relay's time to it can be measured; the phase of the others is by lot. */
function startStream(socket: Socket, answers: ProviderAnswers, { chunks, intervalMs }: Pace): void {
  socket.write(Buffer.concat([answers.streamHead, stampedChunk(answers)]))
  const nextAtMs = performance.now() + Math.random() * intervalMs
  streams.add({ socket, answers, intervalMs, chunksLeft: chunks - 1, nextAtMs })
}

/** Chunks that go out with one write, and writes that a stream is given before it is another one's turn. */
const FLOOD_CHUNKS = 64
const FLOOD_WRITES = 16

/** Writes whenever the socket takes more: whoever does not read is what stops it. */
function startFlood(socket: Socket, { streamHead, streamChunk }: ProviderAnswers): void {
  const chunks = Buffer.concat(Array<Buffer>(FLOOD_CHUNKS).fill(streamChunk))
  const write = (): void => {
    for (let count = 0; count < FLOOD_WRITES; count += 1)
      if (socket.destroyed || !socket.write(chunks)) return
    setImmediate(write)
  }
  socket.write(streamHead)
  socket.on('drain', write)
  write()
}

/** Finds where each request on a connection ends. */
class RequestReader {
  readonly #socket: Socket
  #held: Buffer | undefined
  #bodyLeft = 0
  #path = ''

  constructor(socket: Socket) {
    this.#socket = socket
  }

  push(chunk: Buffer): void {
    let buffer = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = undefined
    while (buffer.length > 0) {
      if (this.#bodyLeft === 0) {
        const headEnd = buffer.indexOf('\r\n\r\n')
        if (headEnd === -1) {
          this.#held = buffer
          return
        }
        this.#readHead(buffer.toString('latin1', 0, headEnd))
        buffer = buffer.subarray(headEnd + 4)
      }
      const used = Math.min(this.#bodyLeft, buffer.length)
      this.#bodyLeft -= used
      buffer = buffer.subarray(used)
      if (this.#bodyLeft === 0) answer(this.#socket, this.#path)
    }
  }

  /** A request without a length, as a program's first probe may be, has no body. */
  #readHead(head: string): void {
    this.#path = head.split(' ', 2)[1] ?? ''
    if (/\r\ntransfer-encoding:/i.test(head)) throw new Error('A relay sends a request without its length')
    this.#bodyLeft = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
  }
}

function serve(socket: Socket): void {
  const reader = new RequestReader(socket)
  socket.on('data', (chunk: Buffer) => reader.push(chunk))
  socket.on('error', () => socket.destroy())
}

async function listen(server: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve)
  await promise
  // A TCP server has an address of this kind once it listens.
  return (server.address() as AddressInfo).port
}

const [keyFile, certificateFile] = process.argv.slice(2)
const port = await listen(createServer({ noDelay: true }, serve))
const tlsPort =
  keyFile === undefined || certificateFile === undefined
    ? 0
    : await listen(
        createTlsServer(
          { noDelay: true, key: readFileSync(keyFile), cert: readFileSync(certificateFile) },
          serve,
        ),
      )
process.stdout.write(`${JSON.stringify({ port, tlsPort })}\n`)
setInterval(writeDueChunks, 1)
