/**
 * Names that clients choose (end users, tags) and that some administrator has limited. Which ones have limits is kept
 * in memory, so that all others cost no query; what the limits are is read once per name.
 */

/** Where names come from. */
export interface NameSource<Details> {
  /** Names that have limits, at most `most` of them. @throws when the database does not answer. */
  list(most: number): Promise<readonly string[]>
  /** @returns undefined when nothing limits the name. @throws when the database does not answer. */
  find(name: string): Promise<Details | undefined>
}

/** More names than these are not all kept: then each unknown one is asked for. */
const MOST_NAMES = 200_000
const MOST_DETAILS = 20_000

interface Entry<Details> {
  readonly details: Details | undefined
  /** Something about it has changed: it is read anew, and serves as a last resort. */
  stale: boolean
}

export class LimitedNames<Details> {
  readonly #source: NameSource<Details>
  /** Undefined until the names have been read. */
  #names: Set<string> | undefined
  #complete = true
  /** Changed while the names were not read yet. */
  readonly #changedBefore = new Set<string>()
  #loading: Promise<void> | undefined
  /** Counts how often all that was read has become void. */
  #round = 0
  /** In the order of their reading. */
  readonly #entries = new Map<string, Entry<Details>>()
  readonly #lookups = new Map<string, Promise<Details | undefined>>()
  #generation = 0

  constructor(source: NameSource<Details>) {
    this.#source = source
  }

  get loaded(): boolean {
    return this.#names !== undefined
  }

  /** Reads the names that have limits. Never rejects: while the database is away nothing is known to be limited. */
  load(): Promise<void> {
    if (this.#loading !== undefined) return this.#loading
    const loading = this.#load(this.#round).finally(() => {
      if (this.#loading === loading) this.#loading = undefined
    })
    this.#loading = loading
    return loading
  }

  async #load(round: number): Promise<void> {
    try {
      const names = await this.#source.list(MOST_NAMES + 1)
      if (round !== this.#round) return
      this.#complete = names.length <= MOST_NAMES
      this.#names = new Set([...names.slice(0, MOST_NAMES), ...this.#changedBefore])
      this.#changedBefore.clear()
    } catch {
      // The storage room reports a database that is away.
    }
  }

  /** The limits of a name, without a promise when they are known, or it is known that there are none. */
  get(name: string): Details | undefined | Promise<Details | undefined> {
    const entry = this.#entries.get(name)
    if (this.#names === undefined) {
      return this.#loading === undefined ? entry?.details : this.#getLoaded(name)
    }
    if (entry !== undefined && !entry.stale) return entry.details
    if (this.#complete && !this.#names.has(name)) return undefined
    return this.#lookUp(name)
  }

  async #getLoaded(name: string): Promise<Details | undefined> {
    await this.#loading
    return this.#names === undefined ? this.#entries.get(name)?.details : await this.get(name)
  }

  #lookUp(name: string): Promise<Details | undefined> {
    const underWay = this.#lookups.get(name)
    if (underWay !== undefined) return underWay
    const lookup = this.#read(name).finally(() => {
      if (this.#lookups.get(name) === lookup) this.#lookups.delete(name)
    })
    this.#lookups.set(name, lookup)
    return lookup
  }

  async #read(name: string): Promise<Details | undefined> {
    const generation = this.#generation
    let details: Details | undefined
    try {
      details = await this.#source.find(name)
    } catch (cause) {
      const known = this.#entries.get(name)
      if (known === undefined) throw cause
      return known.details
    }
    if (generation !== this.#generation) return details
    this.#entries.delete(name)
    if (details === undefined && this.#complete) this.#names?.delete(name)
    else this.#remember(name, details)
    return details
  }

  #remember(name: string, details: Details | undefined): void {
    this.#entries.set(name, { details, stale: false })
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MOST_DETAILS) return
      this.#entries.delete(oldest)
    }
  }

  /** The name's limits are read anew at its next use. */
  changed(name: string): void {
    this.#generation++
    this.#lookups.delete(name)
    const names = this.#names ?? this.#changedBefore
    names.add(name)
    const entry = this.#entries.get(name)
    if (entry !== undefined) entry.stale = true
  }

  /** All limits are read anew. */
  allChanged(): void {
    this.#generation++
    this.#lookups.clear()
    for (const entry of this.#entries.values()) entry.stale = true
  }

  /** Names may have been missed: they are read anew by `load`. */
  changesLost(): void {
    this.allChanged()
    this.#names = undefined
    this.#round++
    this.#loading = undefined
  }
}
