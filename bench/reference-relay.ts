/**
 * The yardstick of the regression check: node:http in front, undici behind, and nothing in between. It relays each
 * request to the provider and its answer back. It must stay as it is: what Sluice costs is told as a multiple of it.
 *
 * Usage: reference-relay.ts PORT PROVIDER-PORT
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Pool, type Dispatcher } from 'undici'

const [port, providerPort] = process.argv.slice(2).map(Number)
const pool = new Pool(`http://127.0.0.1:${providerPort}`, { connections: 256, pipelining: 1 })

/** Passes an answer on as it comes. */
class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#response.writeHead(status, headers)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#response.write(chunk)
  }

  onResponseEnd(): void {
    this.#response.end()
  }

  onResponseError(): void {
    this.#response.destroy()
  }
}

function relay(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/health') {
    response.end()
    return
  }
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const headers = {
      'content-type': 'application/json',
      authorization: request.headers.authorization ?? '',
    }
    pool.dispatch(
      { method: 'POST', path: request.url ?? '/', headers, body: Buffer.concat(parts) },
      new Relay(response),
    )
  })
}

createServer(relay).listen(port, '127.0.0.1')
