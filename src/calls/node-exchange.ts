/** An exchange with a client over Node's own HTTP server. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { BodyReader } from './body-reader.ts'
import type { HeldBody } from './body-room.ts'
import type { BodyLimits, ClientExchange, ClientWatcher } from './client-exchange.ts'

/** Larger answers are not worth the copy. */
const MAX_JOINED_BYTES = 16_384

export class NodeExchange implements ClientExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request
    this.response = response
  }

  get headers(): IncomingHttpHeaders {
    return this.request.headers
  }

  get url(): string {
    return this.request.url ?? ''
  }

  get requestComplete(): boolean {
    return this.request.complete
  }

  get closed(): boolean {
    return this.response.destroyed
  }

  get headersSent(): boolean {
    return this.response.headersSent
  }

  readBody(limits: BodyLimits, held?: HeldBody): Promise<Buffer> {
    return new BodyReader(this.request, limits, held).done
  }

  writeHead(status: number, headers: readonly string[], shared: readonly string[] = [], lines = ''): void {
    const list = [...headers, ...listOf(lines), ...shared]
    // The rest of a body that was not read would have to be received to use the connection again.
    if (!this.request.complete) list.push('connection', 'close')
    this.response.writeHead(status, list)
  }

  write(chunk: string): boolean {
    return this.closed || this.response.write(chunk, 'latin1')
  }

  end(rest?: Buffer): void {
    if (rest === undefined) this.response.end()
    // Node joins a text to the head in one write; bytes would be a second one. Latin-1 keeps each byte as it is.
    else if (rest.length <= MAX_JOINED_BYTES) this.response.end(rest.toString('latin1'), 'latin1')
    else this.response.end(rest)
  }

  cut(): void {
    this.response.destroy()
  }

  watch(watcher: ClientWatcher): void {
    const { response } = this
    response.on('close', () => {
      if (!response.writableFinished) watcher.clientClosed()
    })
    response.on('drain', () => watcher.clientDrained())
    if (response.destroyed) watcher.clientClosed()
  }
}

/** Names and values in turn, of lines of a head. */
function listOf(lines: string): string[] {
  return lines
    .split('\r\n')
    .slice(0, -1)
    .flatMap((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 2)]
    })
}
