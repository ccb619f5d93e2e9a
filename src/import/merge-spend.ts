/**
 * Adds what another gateway has counted to what was counted here. Each gateway's calls count once: of the other one only
 * what has come since it was asked last.
 */
import type { ForeignSpend, KnownSpend, SpendAddition } from '../storage/queries/imported-spend.ts'

/** @returns undefined when the other gateway says what it said before. */
export function mergeSpend(source: ForeignSpend, known: KnownSpend): SpendAddition | undefined {
  const { before } = known
  if (before === undefined) return firstAddition(source, known)
  if (
    before.total === source.total &&
    before.spent === source.spent &&
    before.duration === source.duration &&
    before.endsAtMs === source.endsAtMs
  ) {
    return undefined
  }
  return hasBegunAnew(source, before) ? nextWindow(source, known, before) : sameWindow(source, known, before)
}

/** A window that is open here already stays: calls of this gateway have counted in it. */
function firstAddition(source: ForeignSpend, known: KnownSpend): SpendAddition {
  const total = larger(source.total, 0n)
  const amounts = { total, baseline: total - source.spent }
  return known.endsAtMs === null && source.duration !== null
    ? { ...amounts, window: windowFrom(source, null) }
    : amounts
}

function windowFrom(source: ForeignSpend, startedAtMs: number | null) {
  return { duration: source.duration, startedAtMs, endsAtMs: source.firstEndsAtMs }
}

type Before = NonNullable<KnownSpend['before']>

/** The end has moved on, and not because the window got another length. */
function hasBegunAnew(source: ForeignSpend, before: Before): boolean {
  return (
    before.endsAtMs !== null &&
    source.endsAtMs !== null &&
    source.endsAtMs > before.endsAtMs &&
    source.duration === before.duration
  )
}

/** The total never shrinks: where the other gateway took spend back, it stops to count. */
function sameWindow(source: ForeignSpend, known: KnownSpend, before: Before): SpendAddition {
  const total = larger(source.total - before.total, 0n)
  const amounts = { total, baseline: total - (source.spent - before.spent) }
  const isAsBefore =
    known.duration === before.duration && (before.endsAtMs === null || known.endsAtMs === before.endsAtMs)
  const moved = source.duration !== before.duration || source.endsAtMs !== before.endsAtMs
  return moved && isAsBefore ? { ...amounts, window: windowFrom(source, null) } : amounts
}

/**
 * The other gateway's window has begun anew. If it has done so here too, the new spend counts beside what was counted
 * here since; if not, it begins with it.
 */
function nextWindow(source: ForeignSpend, known: KnownSpend, before: Before): SpendAddition {
  const total = larger(source.total - before.total, larger(source.spent, 0n))
  const unseen = total - source.spent
  if (known.endsAtMs === null || before.endsAtMs === null || known.endsAtMs > before.endsAtMs) {
    return { total, baseline: unseen }
  }
  const countedBefore = known.total - known.baseline - known.ahead
  return { total, baseline: unseen + countedBefore, window: windowFrom(source, before.endsAtMs) }
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
