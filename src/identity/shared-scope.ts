/** A scope of callers as a process keeps it: limits, the open window, and what was spent in it. */
import { picodollars, ZERO, type Picodollars } from '../money/picodollars.ts'
import type { Scope, ScopeKind } from '../record/scope.ts'
import { NO_SPEND, type ScopeSpend, type WindowChange } from '../storage/queries/spend-windows.ts'
import type { Calendar } from './calendar.ts'
import { budgetWindowEndMs, nextBudgetWindow, parseDuration, type Duration } from './duration.ts'

/** What limits a scope; null is unlimited. Amounts in picodollars. */
export interface ScopeLimits {
  readonly maxBudget: bigint | null
  readonly softBudget: bigint | null
  readonly requestsPerMinute: bigint | null
  readonly tokensPerMinute: bigint | null
  readonly parallelRequests: bigint | null
  /** After which time the budget begins anew, e.g. `30d`. */
  readonly duration: string | null
}

export const UNLIMITED: ScopeLimits = {
  maxBudget: null,
  softBudget: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  parallelRequests: null,
  duration: null,
}

/** What an administrator adds to a budget until a moment, in epoch milliseconds. */
export interface BudgetIncrease {
  readonly amount: Picodollars
  readonly untilMs: number
}

/** What the database holds of a scope. */
export interface ScopeFacts extends ScopeLimits {
  readonly kind: ScopeKind
  readonly id: string
  readonly label: string
  /** See `Scope`. */
  readonly ownerId?: string | undefined
  readonly alias?: string | undefined
  readonly email?: string | undefined
  readonly spend: ScopeSpend
  readonly increase?: BudgetIncrease | undefined
}

/** The moment from which spend is counted when it was never set back. */
const EVER = 0

/** Kinds whose spend is booked only where a row of theirs stands among the totals. */
const COUNTED_WITH_ROW: ReadonlySet<ScopeKind> = new Set<ScopeKind>([
  'key_model',
  'user_model',
  'team_model',
  'team_member_model',
  'organization_model',
  'organization_member_model',
  'end_user_model',
  'tag_model',
  'key_window',
  'team_window',
  'tag',
])

export class SharedScope implements Scope {
  readonly kind: ScopeKind
  readonly id: string
  label = ''
  ownerId: string | undefined
  alias: string | undefined
  email: string | undefined
  requestsPerMinute: number | undefined
  tokensPerMinute: number | undefined
  parallelRequests: number | undefined
  maxBudget: Picodollars | undefined
  softBudget: Picodollars | undefined
  budgetWindow = String(EVER)
  resetsAtMs: number | undefined
  spent: Picodollars = ZERO
  /** When something about the scope changes by the clock alone; infinite when nothing does. */
  changesAtMs = Infinity
  /** When a call last asked for it while it had a budget; zero when none has lately. */
  usedAtMs = 0
  #countedFromMs = EVER
  #duration: Duration | undefined
  #ownBudget: bigint | null = null
  #increase: BudgetIncrease | undefined
  /** The window in the database is of another length, or there is none. */
  #misaligned = false

  constructor(kind: ScopeKind, id: string) {
    this.kind = kind
    this.id = id
  }

  /** The window that has to be written down; undefined when the database has it. */
  get windowToWrite(): WindowChange | undefined {
    if (!this.#misaligned) return undefined
    const { kind, id, resetsAtMs } = this
    const duration = this.#duration
    const window =
      duration === undefined || resetsAtMs === undefined
        ? null
        : { duration: durationText(duration), endsAtMs: resetsAtMs }
    return { kind, id, window }
  }

  windowWritten(): void {
    this.#misaligned = false
  }

  /** Takes up what the database says of the scope, its limits and its spend. */
  refresh(facts: ScopeFacts, nowMs: number, calendar: Calendar): void {
    this.label = facts.label
    this.ownerId = facts.ownerId
    this.alias = facts.alias
    this.email = facts.email
    this.requestsPerMinute = numberOf(facts.requestsPerMinute)
    this.tokensPerMinute = numberOf(facts.tokensPerMinute)
    this.parallelRequests = numberOf(facts.parallelRequests)
    this.softBudget = facts.softBudget === null ? undefined : picodollars(facts.softBudget)
    this.#ownBudget = facts.maxBudget
    this.#increase = facts.increase
    this.advance(nowMs, calendar)
    const duration = facts.duration === null ? undefined : parseDuration(facts.duration)
    if (!isSame(duration, this.#duration)) {
      this.#duration = duration
      this.resetsAtMs = duration === undefined ? undefined : budgetWindowEndMs(duration, nowMs, calendar)
    }
    this.takeSpend(facts.spend, nowMs, calendar)
  }

  /**
   * Takes up what the database says was spent. It may lack what this process has settled and not yet written down, and
   * this process what others have settled; the truth is at least the larger of the two. A window that began later, in
   * the database or here by the clock, counts anew.
   */
  takeSpend(spend: ScopeSpend, nowMs: number, calendar: Calendar): void {
    this.advance(nowMs, calendar)
    const { startedAtMs, endsAtMs, spent } = openWindow(spend, nowMs, calendar)
    const written = spend.duration === undefined ? undefined : parseDuration(spend.duration)
    const hasRow = spend !== NO_SPEND || !this.#needsRow
    this.#misaligned = !hasRow || !isSame(written, this.#duration)
    if (startedAtMs >= this.#countedFromMs) {
      this.spent = startedAtMs === this.#countedFromMs && this.spent > spent ? this.spent : spent
      this.#countFrom(startedAtMs)
      if (!this.#misaligned) this.resetsAtMs = endsAtMs
    }
    this.#applyIncrease(nowMs)
  }

  /** What a member of an organization spends is shown, limited or not. */
  get #needsRow(): boolean {
    return (
      this.kind === 'organization_member' || (this.#ownBudget !== null && COUNTED_WITH_ROW.has(this.kind))
    )
  }

  /** Begins the window that is open now when the last one has ended, without asking the database. */
  advance(nowMs: number, calendar: Calendar): void {
    if (nowMs < this.changesAtMs) return
    if (this.resetsAtMs !== undefined && this.resetsAtMs <= nowMs && this.#duration !== undefined) {
      const next = nextBudgetWindow(this.#duration, this.resetsAtMs, nowMs, calendar)
      this.#countFrom(next.startedAtMs)
      this.resetsAtMs = next.endsAtMs
      this.spent = ZERO
    }
    this.#applyIncrease(nowMs)
  }

  #countFrom(startedAtMs: number): void {
    if (startedAtMs === this.#countedFromMs) return
    this.#countedFromMs = startedAtMs
    this.budgetWindow = String(startedAtMs)
  }

  #applyIncrease(nowMs: number): void {
    if (this.#increase !== undefined && this.#increase.untilMs <= nowMs) this.#increase = undefined
    this.maxBudget =
      this.#ownBudget === null ? undefined : picodollars(this.#ownBudget + (this.#increase?.amount ?? 0n))
    this.changesAtMs = Math.min(this.resetsAtMs ?? Infinity, this.#increase?.untilMs ?? Infinity)
  }
}

interface OpenWindow {
  readonly startedAtMs: number
  readonly endsAtMs: number | undefined
  readonly spent: Picodollars
}

/** The window that is open now, whether or not a process has begun it in the database yet. */
function openWindow(spend: ScopeSpend, nowMs: number, calendar: Calendar): OpenWindow {
  const { total, baseline, ahead, startedAtMs = EVER, endsAtMs } = spend
  const duration = spend.duration === undefined ? undefined : parseDuration(spend.duration)
  if (duration === undefined || endsAtMs === undefined || endsAtMs > nowMs) {
    return { startedAtMs, endsAtMs, spent: picodollars(total - baseline) }
  }
  const next = nextBudgetWindow(duration, endsAtMs, nowMs, calendar)
  return { ...next, spent: picodollars(next.startedAtMs === endsAtMs ? ahead : 0n) }
}

function isSame(one: Duration | undefined, other: Duration | undefined): boolean {
  return one?.count === other?.count && one?.unit === other?.unit
}

function durationText({ count, unit }: Duration): string {
  return `${count}${unit}`
}

function numberOf(count: bigint | null): number | undefined {
  return count === null ? undefined : Number(count)
}
