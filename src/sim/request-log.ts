/** The last requests as they were received, so that a test can compare what a gateway sent, byte for byte. */
import { hash } from 'node:crypto'

export interface ReceivedRequest {
  readonly simRequestId: string
  readonly method: string
  /** Path with query, as sent. */
  readonly path: string
  /** Names as sent, in order, duplicates kept. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** Lowercase hex. */
  readonly bodySha256: string
}

interface StoredRequest {
  readonly simRequestId: string
  readonly method: string
  readonly path: string
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

const MAX_REQUESTS = 2_000
const MAX_BODY_BYTES = 64 * 1024 * 1024

export class RequestLog {
  #stored: StoredRequest[] = []
  #bodyBytes = 0

  add(request: StoredRequest): void {
    this.#stored.push(request)
    this.#bodyBytes += request.body.length
    if (this.#stored.length > MAX_REQUESTS || this.#bodyBytes > MAX_BODY_BYTES) this.#dropOlderHalf()
  }

  /** Oldest first: the newest 1,000, fewer when bodies are large. */
  entries(): readonly ReceivedRequest[] {
    return this.#stored.map((request) => ({
      simRequestId: request.simRequestId,
      method: request.method,
      path: request.path,
      headers: pairs(request.rawHeaders),
      body: request.body,
      bodySha256: hash('sha256', request.body, 'hex'),
    }))
  }

  clear(): void {
    this.#stored = []
    this.#bodyBytes = 0
  }

  #dropOlderHalf(): void {
    this.#stored = this.#stored.slice(Math.ceil(this.#stored.length / 2))
    this.#bodyBytes = this.#stored.reduce((total, request) => total + request.body.length, 0)
  }
}

function pairs(rawHeaders: readonly string[]): readonly (readonly [string, string])[] {
  const headers: (readonly [string, string])[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.push([rawHeaders[index] ?? '', rawHeaders[index + 1] ?? ''])
  }
  return headers
}
