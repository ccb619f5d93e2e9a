/** The bytes of an answer, kept on their way to the client for the call's log row and for the response cache. */

/** Larger answers are not kept, whatever the settings say. */
const MAX_KEPT_BYTES = 4 * 1_048_576

export class KeptAnswer {
  #chunks: Buffer[] | undefined = []
  #length = 0

  /** An answer may go on for long: of one that is too large to be kept, nothing more is held. */
  add(chunk: Buffer): void {
    this.#length += chunk.length
    if (this.#length <= MAX_KEPT_BYTES) this.#chunks?.push(chunk)
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
