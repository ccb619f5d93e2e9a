/**
 * The room for request bodies: what a process may hold of them at once. A body is held until no other provider can be
 * asked any more; many large ones at the same time would be the end of a process with little memory, and of the calls
 * of everybody else with it. Bytes count when they have come, never when they are announced: a sender that announces
 * much and sends little takes no room from others.
 */
import { GatewayError } from '../errors/gateway-error.ts'

const SOON_SECONDS = 1

export class BodyRoom {
  readonly #most: number
  #held = 0

  /** @param most bytes. */
  constructor(most: number) {
    this.#most = most
  }

  /** Bytes. */
  get held(): number {
    return this.#held
  }

  /** @param own what the same body holds already: one that is alone is always taken. */
  fits(bytes: number, own: number): boolean {
    return this.#held === own || this.#held + bytes <= this.#most
  }

  /** @throws GatewayError `overloaded` when there is no room. */
  take(bytes: number, own: number): void {
    if (!this.fits(bytes, own)) {
      throw new GatewayError(
        'overloaded',
        `The gateway holds ${megabytes(this.#held)} of request bodies, and may hold ${megabytes(this.#most)}, a quarter ` +
          'of its memory: try again soon. If this happens often, it needs more memory or more pods.',
        { retryAfterSeconds: SOON_SECONDS },
      )
    }
    this.#held += bytes
  }

  give(bytes: number): void {
    this.#held -= bytes
  }
}

/** What one body holds of the room. */
export class HeldBody {
  readonly #room: BodyRoom
  #bytes = 0

  constructor(room: BodyRoom) {
    this.#room = room
  }

  /** Bytes have come. @throws GatewayError `overloaded` when there is no room for them. */
  add(bytes: number): void {
    this.#room.take(bytes, this.#bytes)
    this.#bytes += bytes
  }

  /** Counts all of a body that was read or unpacked whole. @throws as `add`. */
  growTo(bytes: number): void {
    if (bytes > this.#bytes) this.add(bytes - this.#bytes)
  }

  /** Gives the room back; again does nothing. */
  letGo(): void {
    this.#room.give(this.#bytes)
    this.#bytes = 0
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MB`
}
