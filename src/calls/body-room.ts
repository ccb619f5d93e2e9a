/**
 * The room for request bodies: what a process may hold of them at once. A body is held until no other provider can be
 * asked any more; many large ones at the same time would be the end of a process with little memory, and of the calls
 * of everybody else with it.
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

  /**
   * A body for which there is no room is refused, but one that is alone is always taken.
   * @throws GatewayError `overloaded`.
   */
  take(bytes: number): void {
    if (this.#held > 0 && this.#held + bytes > this.#most) {
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

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MB`
}
