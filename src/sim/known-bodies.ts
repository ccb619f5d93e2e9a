/**
 * Requests that were read before, found by the bytes of their bodies: a load of equal calls, as a bench makes it,
 * must not be slowed by the simulator's own joining and parsing.
 */
import type { SimRequest } from './sim-request.ts'
import type { Wire } from './wire/wire.ts'

export interface KnownBody {
  readonly body: Buffer
  readonly request: SimRequest
}

const MAX_KNOWN = 64
const MAX_BODY_BYTES = 1024 * 1024

export class KnownBodies {
  /** One body for each dialect and length: the last. */
  readonly #known = new Map<string, KnownBody>()

  /** @param chunks the body as it arrived; @param bytes its length. */
  find(wire: Wire, chunks: readonly Buffer[], bytes: number): KnownBody | undefined {
    const known = this.#known.get(`${wire.dialect} ${bytes}`)
    if (known === undefined) return undefined
    let start = 0
    for (const chunk of chunks) {
      const end = start + chunk.length
      if (chunk.compare(known.body, start, end) !== 0) return undefined
      start = end
    }
    return known
  }

  add(wire: Wire, body: Buffer, request: SimRequest): void {
    if (body.length > MAX_BODY_BYTES) return
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(`${wire.dialect} ${body.length}`, { body, request })
  }
}
