/** A provider whose chat streams never end: it writes as fast as it is read, and counts what was taken. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const CHUNK = Buffer.from(
  `data: ${JSON.stringify({
    id: 'endless',
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta: { content: 'x'.repeat(60_000) }, finish_reason: null }],
  })}\n\n`,
)

export class EndlessProvider {
  readonly #server: Server
  /** Bytes that left this provider or stand in its own buffers. */
  takenBytes = 0
  openStreams = 0

  constructor() {
    this.#server = createServer((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      this.openStreams += 1
      response.on('close', () => (this.openStreams -= 1))
      response.on('drain', () => this.#write(response))
      this.#write(response)
    })
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  #write(response: ServerResponse): void {
    this.takenBytes += CHUNK.length
    while (response.write(CHUNK)) this.takenBytes += CHUNK.length
  }
}
