/** Why an import cannot go on, for the person who started it. */

/** The message names what was found, what was expected, and what to do; it holds no secret. */
export class ImportError extends Error {
  override readonly name = 'ImportError'
}
