/** What a worker tells and asks of the limits that are counted in the process above. */
import type { AdmitAnswer, AdmitMessage, Settlement, Tally } from '../../limits/limit-store.ts'

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

/** To an admission: the answer, or the ticket under which it is asked for what it comes to. */
export type LimitAnswer = AdmitAnswer | { readonly ticket: number }
