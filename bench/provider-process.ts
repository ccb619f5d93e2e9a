/**
 * The model provider of the benchmark: fixed answers in the OpenAI dialect from bare sockets. It reads no more of a
 * request than where it ends, so that it costs a small part of what any relay before it does. Prints its port.
 *
 * The first segment of the path says which answer is wanted: `/chat/…` one JSON body of 1 KB, `/stream/…` 100 chunks
 * 20 ms apart, `/slow/…` 20 chunks 500 ms apart.
 */
import { createServer, type Socket } from 'node:net'

const STREAM_PACE = { chunks: 100, intervalMs: 20 }
const SLOW_PACE = { chunks: 20, intervalMs: 500 }
const USAGE = { prompt_tokens: 240, completion_tokens: 100, total_tokens: 340 }

const WORDS = 'The gate lifts a hand and water finds its level, '

function chatAnswer(): Buffer {
  const body = JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1_780_000_000,
    model: 'bench-model',
    choices: [{ index: 0, message: { role: 'assistant', content: WORDS.repeat(15) }, finish_reason: 'stop' }],
    usage: USAGE,
  })
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function event(members: object): string {
  const chunk = {
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_780_000_000,
    model: 'bench-model',
    ...members,
  }
  return `data: ${JSON.stringify(chunk)}\n\n`
}

function httpChunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

const CHAT_ANSWER = chatAnswer()
const STREAM_HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n',
)
const STREAM_CHUNK = Buffer.from(
  httpChunk(event({ choices: [{ index: 0, delta: { content: ' water' }, finish_reason: null }] })),
)
const STREAM_TAIL = Buffer.from(
  httpChunk(
    event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }) +
      event({ choices: [], usage: USAGE }) +
      'data: [DONE]\n\n',
  ) + '0\r\n\r\n',
)

/** One stream under way: a chunk each time that it is due. */
interface Stream {
  readonly socket: Socket
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
    else if (stream.chunksLeft > 0) stream.socket.write(STREAM_CHUNK)
    else {
      stream.socket.write(STREAM_TAIL)
      streams.delete(stream)
    }
    stream.chunksLeft -= 1
  }
}

function answer(socket: Socket, path: string): void {
  if (path.startsWith('/chat/')) {
    socket.write(CHAT_ANSWER)
    return
  }
  const pace = path.startsWith('/slow/') ? SLOW_PACE : STREAM_PACE
  socket.write(STREAM_HEAD)
  const nextAtMs = performance.now() + Math.random() * pace.intervalMs
  streams.add({ socket, intervalMs: pace.intervalMs, chunksLeft: pace.chunks, nextAtMs })
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

  #readHead(head: string): void {
    this.#path = head.split(' ', 2)[1] ?? ''
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (length === undefined) throw new Error('The benchmark only sends requests with a content-length')
    this.#bodyLeft = Number(length)
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  const reader = new RequestReader(socket)
  socket.on('data', (chunk: Buffer) => reader.push(chunk))
  socket.on('error', () => socket.destroy())
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`)
})
setInterval(writeDueChunks, 1)
