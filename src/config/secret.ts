/**
 * A value that must not be shown. Every way in which JavaScript turns a value into text gives a mask; the value itself
 * comes out by `reveal()` only, so that a search for that word finds each place where a secret is used.
 */
import { inspect } from 'node:util'

const MASK = '[secret]'

export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return MASK
  }

  toJSON(): string {
    return MASK
  }

  [inspect.custom](): string {
    return MASK
  }
}
