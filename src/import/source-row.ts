/** A row of LiteLLM's database, read as JSON: each column is asked for by name and given as a type of ours. */
import { parseDollars, type Picodollars } from '../money/picodollars.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** Amounts beyond it are no amounts that anybody has spent: the sum column would not hold them. */
const MOST_DOLLARS = 1e20
/** What a limit's 64-bit integer of picodollars holds. */
const MOST_LIMIT = 9_223_372_000_000_000_000n
const MOST_COUNT = 9_000_000_000_000_000

/** A column that does not exist reads as null. What cannot be read as it should be is noted. */
export class SourceRow {
  readonly #json: JsonObject
  readonly notes: string[] = []

  constructor(json: JsonObject) {
    this.#json = json
  }

  /** Text as it is. */
  text(column: string): string | null {
    const value = this.#json[column]
    return typeof value === 'string' ? value : null
  }

  /** Text that says something. */
  name(column: string): string | null {
    const text = this.text(column)
    return text === null || text.trim() === '' ? null : text
  }

  /** The text of a key column. */
  key(column: string): string {
    return this.text(column) ?? ''
  }

  flag(column: string): boolean {
    return this.#json[column] === true
  }

  whole(column: string): number | null {
    const value = this.#json[column]
    return typeof value === 'number' && Number.isFinite(value) ? Math.trunc(value) : null
  }

  /** A limit, as decimal text for the database; a negative one, which lets nothing through, is zero. */
  limit(column: string): string | null {
    const value = this.whole(column)
    if (value === null) return null
    if (value < 0) this.notes.push(`${column} is negative: taken as 0`)
    return String(BigInt(Math.min(Math.max(value, 0), MOST_COUNT)))
  }

  /** A budget in picodollars, as decimal text for the database. */
  budget(column: string): string | null {
    const value = this.#json[column]
    if (value === null || value === undefined) return null
    if (typeof value !== 'number') {
      // JSON has no infinity: it comes as text. An infinite budget is none.
      this.notes.push(`${column} is no number: taken as unlimited`)
      return null
    }
    if (value < 0) this.notes.push(`${column} is negative: taken as 0`)
    const amount = value < 0 ? 0n : value > MOST_DOLLARS ? MOST_LIMIT : parseDollars(value)
    if (amount >= MOST_LIMIT) this.notes.push(`${column} is larger than can be stored: taken as 9223372`)
    return String(amount < MOST_LIMIT ? amount : MOST_LIMIT)
  }

  /** What was spent: the shortest decimal text of the float, rounded half away from zero at the twelfth place. */
  spend(column: string): Picodollars {
    const value = this.#json[column]
    if (typeof value === 'number' && Math.abs(value) <= MOST_DOLLARS) return parseDollars(value)
    if (value !== null && value !== undefined) this.notes.push(`${column} is no amount: taken as 0`)
    return parseDollars(0)
  }

  has(column: string): boolean {
    return this.#json[column] !== undefined && this.#json[column] !== null
  }

  /** LiteLLM's times have no zone: they are UTC. @returns ISO text. */
  moment(column: string): string | null {
    const atMs = this.momentMs(column)
    return atMs === null ? null : new Date(atMs).toISOString()
  }

  momentMs(column: string): number | null {
    const text = this.text(column)
    const atMs =
      text === null ? Number.NaN : Date.parse(/[Zz]|[+-]\d\d(:?\d\d)?$/.test(text) ? text : `${text}Z`)
    return Number.isNaN(atMs) ? null : atMs
  }

  names(column: string): readonly string[] {
    const value = this.#json[column]
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
  }

  object(column: string): JsonObject {
    return asObject(this.json(column))
  }

  list(column: string): readonly unknown[] {
    const value = this.json(column)
    return Array.isArray(value) ? value : []
  }

  /** JSON as it is; where LiteLLM has stored JSON as a text inside of JSON, what that text says. */
  json(column: string): unknown {
    const value = this.#json[column]
    if (typeof value !== 'string') return value
    try {
      return JSON.parse(value)
    } catch {
      return value
    }
  }

  /** The members of some columns that say anything, under the names of the columns. */
  members(columns: readonly string[]): Record<string, unknown> {
    return Object.fromEntries(
      columns.map((column) => [column, this.json(column)] as const).filter(([, value]) => !isEmpty(value)),
    )
  }
}

export function asObject(value: unknown): JsonObject {
  // An object that is no list has text keys.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '' || value === 0) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}
