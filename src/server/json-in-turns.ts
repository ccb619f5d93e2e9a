/** JSON of answers that may be long lists: the event loop goes on between their pieces. */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Items of a list, and characters, that are written in one turn: a millisecond or less. */
const ITEMS_A_TURN = 50
const LENGTH_A_TURN = 64 * 1024

/**
 * As `JSON.stringify(value ?? null)`, for lists and for objects with lists in them.
 * @returns the text of what is short; of what took more than a turn its bytes, in pieces, for to put megabytes together
 * would hold up the calls of that moment.
 */
export async function jsonInTurns(value: unknown): Promise<string | readonly Buffer[]> {
  const writer = new PieceWriter()
  if (isList(value)) {
    await writer.writeList(value)
  } else if (isPlain(value) && Object.values(value).some(isList)) {
    await writer.writeObject(value)
  } else {
    writer.write(JSON.stringify(value ?? null))
  }
  return writer.end()
}

class PieceWriter {
  readonly #pieces: Buffer[] = []
  #text = ''
  #items = 0

  write(text: string): void {
    this.#text += text
  }

  async writeObject(value: Readonly<Record<string, unknown>>): Promise<void> {
    let before = '{'
    for (const [name, member] of Object.entries(value)) {
      // Undefined for what JSON does not have: such a member is left out.
      const text = isList(member) ? '' : (JSON.stringify(member) as string | undefined)
      if (text === undefined) continue
      this.write(`${before}${JSON.stringify(name)}:${text}`)
      before = ','
      if (isList(member)) await this.writeList(member)
    }
    this.write(before === '{' ? '{}' : '}')
  }

  async writeList(list: readonly unknown[]): Promise<void> {
    let before = '['
    for (const item of list) {
      if (this.#items >= ITEMS_A_TURN || this.#text.length >= LENGTH_A_TURN) await this.#endTurn()
      // JSON has null where a list holds what it does not have.
      this.write(before + ((JSON.stringify(item) as string | undefined) ?? 'null'))
      before = ','
      this.#items += 1
    }
    this.write(before === '[' ? '[]' : ']')
  }

  end(): string | readonly Buffer[] {
    return this.#pieces.length === 0 ? this.#text : [...this.#pieces, Buffer.from(this.#text)]
  }

  async #endTurn(): Promise<void> {
    this.#pieces.push(Buffer.from(this.#text))
    this.#text = ''
    this.#items = 0
    await nextTurn()
  }
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
