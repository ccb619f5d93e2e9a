/**
 * Principals by the credential that named them, in bounded memory. The one that goes when the cache is full is among
 * those that were not used since the last time round ("second chance"), so that a hit costs no reordering.
 */
import type { Principal } from './principal.ts'

export interface CacheEntry {
  readonly credential: string
  readonly keyHash: string
  principal: Principal
  /** When the principal is read anew, in epoch milliseconds. */
  refreshAtMs: number
  refreshing: boolean
  /** True when something about it may have changed: it must be read anew before its next use. */
  forgotten: boolean
  /** True when the key itself, its owner or its team has changed: what was known of it never serves as a last resort. */
  changed: boolean
  usedSinceSweep: boolean
}

/** What a credential takes with its principal and two scopes: measured. */
const ENTRY_BYTES = 2_700

export class CredentialCache {
  readonly #byCredential = new Map<string, CacheEntry>()
  readonly #byHash = new Map<string, CacheEntry>()
  #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#byCredential.size
  }

  get heldBytes(): number {
    return this.size * ENTRY_BYTES
  }

  get(credential: string): CacheEntry | undefined {
    const entry = this.#byCredential.get(credential)
    if (entry !== undefined) entry.usedSinceSweep = true
    return entry
  }

  byHash(keyHash: string): CacheEntry | undefined {
    return this.#byHash.get(keyHash)
  }

  entries(): Iterable<CacheEntry> {
    return this.#byCredential.values()
  }

  put(entry: CacheEntry): void {
    this.#byCredential.set(entry.credential, entry)
    this.#byHash.set(entry.keyHash, entry)
    this.#shrink()
  }

  remove(entry: CacheEntry): void {
    if (this.#byCredential.get(entry.credential) !== entry) return
    this.#byCredential.delete(entry.credential)
    this.#byHash.delete(entry.keyHash)
  }

  resize(capacity: number): void {
    this.#capacity = capacity
    this.#shrink()
  }

  /** Map iterates in the order of insertion: the front is the oldest. An entry in use goes to the back, once. */
  #shrink(): void {
    for (const entry of this.#byCredential.values()) {
      if (this.#byCredential.size <= this.#capacity) return
      this.#byCredential.delete(entry.credential)
      if (entry.usedSinceSweep) {
        entry.usedSinceSweep = false
        this.#byCredential.set(entry.credential, entry)
      } else {
        this.#byHash.delete(entry.keyHash)
      }
    }
  }
}
