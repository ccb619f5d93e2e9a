/** Amounts that holders have taken and will give back. A holder that dies gives back all at once. */

export class Leases {
  readonly #held = new Map<string, bigint>()
  #sum = 0n

  get sum(): bigint {
    return this.#sum
  }

  of(holder: string): bigint {
    return this.#held.get(holder) ?? 0n
  }

  take(holder: string, amount: bigint): void {
    if (amount === 0n) return
    this.#held.set(holder, this.of(holder) + amount)
    this.#sum += amount
  }

  /** Gives back at most what the holder has: what it had before it was forgotten is given back already. */
  give(holder: string, amount: bigint): void {
    const held = this.of(holder)
    if (amount < held) this.#held.set(holder, held - amount)
    else this.#held.delete(holder)
    this.#sum -= amount < held ? amount : held
  }

  forget(holder: string): void {
    this.give(holder, this.of(holder))
  }
}
