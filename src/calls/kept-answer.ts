/** The bytes of an answer, kept on their way to the client for the call's log row and for the response cache. */

/** Larger answers are not kept for the log, whatever the settings say. */
export const MAX_LOGGED_BYTES = 4 * 1_048_576

export class KeptAnswer {
  readonly #maxBytes: number
  #chunks: Buffer[] | undefined = []
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** An answer may go on for long: of one that is too large to be kept, nothing more is held. */
  add(chunk: Buffer): void {
    this.#length += chunk.length
    if (this.#length <= this.#maxBytes) this.#chunks?.push(chunk)
    else this.#chunks = undefined
  }

  /** Undefined when it was too large. */
  get pieces(): readonly Buffer[] | undefined {
    return this.#chunks
  }

  /** Undefined when it was too large. */
  get body(): Buffer | undefined {
    return this.#chunks === undefined ? undefined : Buffer.concat(this.#chunks)
  }
}
