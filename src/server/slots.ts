/**
 * A set of things that come and go by the thousand a second. Not a Set: one with such traffic is laid out anew many
 * times a second, each abandoned layout points to its successor, and once the first of this chain has grown old no
 * young collection frees anything that was ever in it.
 */

const SLOT = Symbol('slot')

type Slotted = { [SLOT]?: number | undefined }

export class Slots<Item extends object> {
  readonly #items: (Item | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#items.length - this.#free.length
  }

  /** An item is in one such set at most. */
  add(item: Item & Slotted): void {
    if (item[SLOT] !== undefined) return
    const slot = this.#free.pop() ?? this.#items.length
    this.#items[slot] = item
    item[SLOT] = slot
  }

  /** @returns false when it was not in the set. */
  delete(item: Item & Slotted): boolean {
    const slot = item[SLOT]
    if (slot === undefined) return false
    this.#items[slot] = undefined
    this.#free.push(slot)
    item[SLOT] = undefined
    return true
  }

  *[Symbol.iterator](): Generator<Item> {
    for (const item of this.#items) if (item !== undefined) yield item
  }
}
