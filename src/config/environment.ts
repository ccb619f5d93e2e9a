/** The process environment as a value, and texts that came out of it. */
import { inspect } from 'node:util'

export type Environment = Readonly<Record<string, string | undefined>>

const MASK = '[from the environment]'

/**
 * A value that stood as `os.environ/NAME` in the file. It stays wrapped until a schema says what it is to be: text may
 * then be read as a number or a switch, and where no schema knows better it is kept secret.
 */
export class EnvironmentText {
  readonly variable: string
  readonly #text: string

  constructor(variable: string, text: string) {
    this.variable = variable
    this.#text = text
  }

  reveal(): string {
    return this.#text
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
