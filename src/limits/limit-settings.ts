/** What the configuration says about how limits are counted. Plain data, so that a reload can swap it. */
import { completionTokens, promptTokens, totalTokens, type Usage } from '../dialects/usage.ts'

/**
 * `local`: each process goes on counting by itself. `fail_open`: nothing is limited. `fail_closed`: calls that are
 * limited are refused.
 */
export type LossPolicy = 'local' | 'fail_open' | 'fail_closed'

/** Which tokens of a call count in the limits of tokens a minute. */
export type CountedTokens = 'total' | 'input' | 'output'

export interface LimitSettings {
  /** For requests, tokens and parallel calls. */
  readonly ratesOnStoreLoss: LossPolicy
  readonly budgetsOnStoreLoss: LossPolicy
  readonly countedTokens: CountedTokens
  /** False: a budget is held against what is settled alone, and nothing is reserved of it. */
  readonly reservesBudgets: boolean
}

/** The part of a call's usage that counts. */
export function countedOf(usage: Usage, counted: CountedTokens): number {
  switch (counted) {
    case 'total':
      return totalTokens(usage)
    case 'input':
      return promptTokens(usage)
    case 'output':
      return completionTokens(usage)
  }
}
