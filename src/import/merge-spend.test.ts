import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ForeignSpend, KnownSpend } from '../storage/queries/imported-spend.ts'
import { mergeSpend } from './merge-spend.ts'

const DAY = 86_400_000

/** Both databases, as far as one scope goes: calls at either gateway, windows that end, and imports between them. */
class Pair {
  source = { spent: 0n, total: 0n, endsAtMs: DAY as number | null, duration: '1d' as string | null }
  known: KnownSpend = {
    total: 0n,
    baseline: 0n,
    ahead: 0n,
    duration: null,
    endsAtMs: null,
    before: undefined,
  }
  /** What was spent at both since the window began, and since ever. */
  readonly truth = { window: 0n, ever: 0n }
  /** What the source spent in windows that ended before anybody imported it. */
  unseen = 0n
  #imported = 0n

  spendThere(amount: bigint): void {
    this.source = { ...this.source, spent: this.source.spent + amount, total: this.source.total + amount }
    this.#count(amount)
  }

  spendHere(amount: bigint): void {
    this.known = { ...this.known, total: this.known.total + amount }
    this.#count(amount)
  }

  #count(amount: bigint): void {
    this.truth.window += amount
    this.truth.ever += amount
  }

  /** The window ends in both, or only in the source, whose total begins anew with it as LiteLLM's does. */
  endWindow(hereToo: boolean): void {
    this.unseen += this.source.total - this.#imported
    this.#imported = 0n
    this.source = { ...this.source, spent: 0n, total: 0n, endsAtMs: (this.source.endsAtMs ?? 0) + DAY }
    this.truth.window = 0n
    if (hereToo && this.known.endsAtMs !== null) {
      this.known = { ...this.known, baseline: this.known.total, endsAtMs: this.source.endsAtMs }
    }
  }

  import(): void {
    const foreign: ForeignSpend = {
      kind: 'key',
      id: 'k',
      ...this.source,
      firstEndsAtMs: this.source.endsAtMs,
    }
    const addition = mergeSpend(foreign, this.known)
    this.#imported = this.source.total
    if (addition === undefined) return
    const { window } = addition
    this.known = {
      ...this.known,
      total: this.known.total + addition.total,
      baseline: this.known.baseline + addition.baseline,
      ...(window === undefined ? {} : { duration: window.duration, endsAtMs: window.endsAtMs }),
      before: { ...this.source },
    }
  }

  get counted(): bigint {
    return this.known.total - this.known.baseline
  }
}

const amount = fc.bigInt({ min: 0n, max: 10n ** 18n })

test('whatever is spent at either gateway counts once, whenever it is imported', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.record({ kind: fc.constant('there' as const), amount }),
          fc.record({ kind: fc.constant('here' as const), amount }),
          fc.record({ kind: fc.constant('import' as const) }),
          fc.record({ kind: fc.constant('window' as const) }),
        ),
        { maxLength: 40 },
      ),
      (events) => {
        const pair = new Pair()
        pair.import()
        for (const event of events) {
          if (event.kind === 'there') pair.spendThere(event.amount)
          else if (event.kind === 'here') pair.spendHere(event.amount)
          else if (event.kind === 'import') pair.import()
          else pair.endWindow(true)
        }
        pair.import()
        expect(pair.counted).toBe(pair.truth.window)
        expect(pair.known.total).toBe(pair.truth.ever - pair.unseen)
      },
    ),
  )
})

test('a window that has ended only in the source begins anew here with the import', () => {
  const pair = new Pair()
  pair.spendThere(10n)
  pair.import()
  pair.endWindow(false)
  pair.spendThere(3n)
  pair.import()
  expect([pair.counted, pair.known.endsAtMs]).toEqual([3n, 2 * DAY])
})

test('calls that ended here after the old window count in the new one', () => {
  const pair = new Pair()
  pair.spendThere(10n)
  pair.import()
  pair.known = { ...pair.known, total: 14n, ahead: 4n }
  pair.endWindow(false)
  pair.spendThere(3n)
  pair.import()
  expect(pair.counted).toBe(7n)
})

describe('the source alone', () => {
  const source: ForeignSpend = {
    kind: 'team_member',
    id: 't::u',
    total: 100n,
    spent: 30n,
    duration: null,
    endsAtMs: null,
    firstEndsAtMs: null,
  }
  const nothing: KnownSpend = {
    total: 0n,
    baseline: 0n,
    ahead: 0n,
    duration: null,
    endsAtMs: null,
    before: undefined,
  }

  test('what was spent in windows before is in the total, and does not count', () => {
    expect(mergeSpend(source, nothing)).toEqual({ total: 100n, baseline: 70n })
  })

  test('spend that was taken back stops to count, and the total stays', () => {
    const known = { ...nothing, total: 100n, baseline: 70n, before: source }
    expect(mergeSpend({ ...source, spent: 10n }, known)).toEqual({ total: 0n, baseline: 20n })
    expect(mergeSpend({ ...source, spent: 10n, total: 80n }, known)).toEqual({ total: 0n, baseline: 20n })
  })

  test('negative spend is credit', () => {
    expect(mergeSpend({ ...source, total: -5n, spent: -5n }, nothing)).toEqual({ total: 0n, baseline: 5n })
  })

  test('a window that nobody has opened yet is opened', () => {
    const window = { duration: '30d', endsAtMs: null, firstEndsAtMs: 5 }
    expect(mergeSpend({ ...source, ...window }, nothing)?.window).toEqual({
      duration: '30d',
      startedAtMs: null,
      endsAtMs: 5,
    })
  })

  test('a window that got another length gets it here too, and what was spent goes on to count', () => {
    const before = { ...source, duration: '30d', endsAtMs: 7, total: 30n }
    const known = { ...nothing, total: 30n, duration: '30d', endsAtMs: 7, before }
    const changed = { ...before, duration: '1d', endsAtMs: 9, firstEndsAtMs: 9, spent: 31n, total: 31n }
    expect(mergeSpend(changed, known)).toEqual({
      total: 1n,
      baseline: 0n,
      window: { duration: '1d', startedAtMs: null, endsAtMs: 9 },
    })
  })

  test('a window that was changed here stays', () => {
    const before = { ...source, duration: '30d', endsAtMs: 7, total: 30n }
    const known = { ...nothing, total: 30n, duration: '7d', endsAtMs: 8, before }
    const changed = { ...before, duration: '1d', endsAtMs: 9, firstEndsAtMs: 9 }
    expect(mergeSpend(changed, known)).toEqual({ total: 0n, baseline: 0n })
  })
})
