/** What a worker tells and asks of the limits that are counted in the process above, as text on the channel. */
import type { AdmitAnswer, AdmitMessage, ScopeUse, Settlement, Tally } from '../../limits/limit-store.ts'

/** In the order in which they happened: what an ended call gives back is there for the next. */
export type LimitStep =
  | { readonly kind: 'admit'; readonly message: AdmitMessage }
  | { readonly kind: 'settle'; readonly settlement: Settlement }
  /** Of an advance: what its calls used, and what is not needed of it. */
  | { readonly kind: 'tally'; readonly tally: Tally }
  /** The worker uses nothing of the advance any more, and has told all that it knew. */
  | { readonly kind: 'close'; readonly id: number }

/** Calls like one are to be admitted in advance. */
export interface AdvanceQuestion {
  /** Of the worker's own counting. */
  readonly id: number
  readonly message: AdmitMessage
  readonly calls: number
  /** Text of steps before it; none of them asks. */
  readonly steps: string
}

/** Admitted in advance: no calls where the limit is near. */
export interface Advanced {
  readonly calls: number
  readonly second: number
  /** After the first of them. */
  readonly uses: readonly ScopeUse[]
}

/** One text costs the channel far less than the objects that it says. */
export function stepsText(steps: readonly LimitStep[]): string {
  return JSON.stringify(steps)
}

/** Within lists, JSON says null for what is undefined. */
interface ReadSettlement extends Omit<Settlement, 'accounts'> {
  accounts: readonly (string | null | undefined)[]
}

export function stepsOf(text: string): readonly LimitStep[] {
  // Written by `stepsText` of this program.
  const steps = JSON.parse(text) as readonly LimitStep[]
  for (const step of steps) if (step.kind === 'settle') takeOutNulls(step.settlement)
  return steps
}

function takeOutNulls(settlement: ReadSettlement): void {
  if (settlement.accounts.includes(null))
    settlement.accounts = settlement.accounts.map((account) => account ?? undefined)
}

/** To an admission: the answer, or the ticket under which it is asked for what it comes to. */
export type LimitAnswer = AdmitAnswer | { readonly ticket: number }

export function answersText(answers: readonly LimitAnswer[]): string {
  return JSON.stringify(answers)
}

export function answersOf(text: string): readonly LimitAnswer[] {
  return JSON.parse(text) as readonly LimitAnswer[]
}
