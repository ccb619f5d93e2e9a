/** The keys of a message to Redis, each once: what one call gives back, the next one mostly takes. */
export class ScriptKeys {
  readonly list: string[] = []
  readonly #prefix: string
  readonly #indexes = new Map<string, number>()

  /** @param prefix before all keys. @param first the first of them. */
  constructor(prefix: string, first: string) {
    this.#prefix = prefix
    this.index(first)
  }

  get length(): number {
    return this.list.length
  }

  /** Counted from one, as Lua does. */
  index(key: string): number {
    let index = this.#indexes.get(key)
    if (index === undefined) {
      index = this.list.push(this.#prefix + key)
      this.#indexes.set(key, index)
    }
    return index
  }
}
