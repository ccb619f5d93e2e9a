/** One request by the upstream client, and all that it was told of the answer. */
import type { IncomingHttpHeaders } from 'node:http'
import type { UpstreamPool } from '../../src/upstream/upstream-pool.ts'
import type { UpstreamExchange, UpstreamHandler, UpstreamRequest } from '../../src/upstream/upstream.ts'

const REQUEST: UpstreamRequest = { path: '/', headers: [], body: [Buffer.from('{}')], idleTimeoutMs: 0 }

interface WholeAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export class Asked implements UpstreamHandler {
  readonly exchange: UpstreamExchange
  readonly #head = Promise.withResolvers<void>()
  readonly #end = Promise.withResolvers<Error | undefined>()
  #wake: () => void = () => undefined
  status = 0
  headers: IncomingHttpHeaders = {}
  readonly chunks: Buffer[] = []
  /** Ends and errors told: more than one is a fault of the client. */
  endings = 0

  constructor(pool: UpstreamPool, request: Partial<UpstreamRequest>) {
    this.exchange = pool.send({ ...REQUEST, ...request }, this)
  }

  /** Settles when status and headers are there. */
  get head(): Promise<void> {
    return this.#head.promise
  }

  /** Settles with the error, or with nothing at a sound end. */
  get ended(): Promise<Error | undefined> {
    return this.#end.promise
  }

  get whole(): Promise<WholeAnswer> {
    return this.ended.then((error) => {
      if (error !== undefined) throw error
      return { status: this.status, headers: this.headers, body: this.text }
    })
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }

  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  /** Waits until so much has come. */
  async until(bytes: number): Promise<void> {
    while (this.bytes < bytes) await new Promise<void>((resolve) => (this.#wake = resolve))
  }

  onAnswerHead(status: number, headers: IncomingHttpHeaders): void {
    this.status = status
    this.headers = headers
    this.#head.resolve()
  }

  onAnswerData(bytes: Buffer, start: number, end: number): void {
    this.chunks.push(Buffer.from(bytes.subarray(start, end)))
    this.#wake()
  }

  onAnswerEnd(): void {
    this.endings += 1
    this.#end.resolve(undefined)
  }

  onAnswerError(error: Error): void {
    this.endings += 1
    this.#end.resolve(error)
  }
}

export function ask(pool: UpstreamPool, request: Partial<UpstreamRequest> = {}): Asked {
  return new Asked(pool, request)
}
