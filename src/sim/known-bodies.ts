/**
 * Requests that were read before, found by the bytes of their bodies: a load of equal calls, as a bench makes it,
 * must not be slowed by the simulator's reading.
 */
import type { SimRequest } from './sim-request.ts'
import type { Wire } from './wire/wire.ts'

interface KnownBody {
  readonly body: Buffer
  readonly request: SimRequest
}

const MAX_KNOWN = 64
const MAX_BODY_BYTES = 1024 * 1024

export class KnownBodies {
  readonly #known = new Map<string, KnownBody>()

  find(wire: Wire, body: Buffer): SimRequest | undefined {
    const known = this.#known.get(keyOf(wire, body))
    return known?.body.equals(body) === true ? known.request : undefined
  }

  add(wire: Wire, body: Buffer, request: SimRequest): void {
    if (body.length > MAX_BODY_BYTES) return
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(keyOf(wire, body), { body, request })
  }
}

/** Cheap, not unique: the bodies are compared afterwards. */
function keyOf(wire: Wire, body: Buffer): string {
  return `${wire.dialect} ${body.length} ${body.toString('latin1', Math.max(0, body.length - 32))}`
}
