/** Calls that come fast: after the first ones, most are admitted in advance where limits are far. */
import { expect } from 'vitest'
import type { AdmitMessage, LimitKind, LimitStore } from '../../src/limits/limit-store.ts'
import { askOf, NOTHING_SPENT } from './limited-asks.ts'

/** Room for more calls than any test makes. */
export const FAR = 10_000_000

export function callOf(kind: LimitKind, room: number): AdmitMessage {
  return { tokens: 10, cost: 10n, asks: [askOf('key:k', kind, room, NOTHING_SPENT)] }
}

interface Flushed extends LimitStore {
  flush(): Promise<void>
}

/** Calls that come fast, one after the other. @returns how many of them asked nobody. */
export async function callFast(store: Flushed, message: AdmitMessage, calls: number): Promise<number> {
  let inAdvance = 0
  for (let call = 0; call < calls; call += 1) {
    const asked = store.admit(message)
    if (!(asked instanceof Promise)) inAdvance += 1
    expect(await asked).toMatchObject({ admitted: true })
    // As they come to a server: not all in one turn.
    if (call % 8 === 0) await store.flush()
  }
  return inAdvance
}
