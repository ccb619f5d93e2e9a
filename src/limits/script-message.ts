/** The message to the Lua script by which processes count limits together in Redis. */
import type { CallKinds } from './call-kinds.ts'
import type { AdmitMessage, ScopeAsk } from './limit-store.ts'
import type { ScriptKeys } from './script-keys.ts'

/** Where in `KEYS` a key stands, counted from one; zero where a scope does not limit this. */
type KeyIndex = number

/**
 * `p`: calls under way, `r`: reserved, `c`: settled cost; `q` and `t`: requests and tokens that were counted in a
 * second, the difference.
 */
export type ScriptChange =
  | readonly ['p' | 'r' | 'c', KeyIndex, amount: string]
  | readonly ['q' | 't', KeyIndex, second: number, difference: number]

/** -1: not limited. */
export type ScriptAsk = readonly [
  rate: KeyIndex,
  requestsPerMinute: number,
  tokensPerMinute: number,
  parallel: KeyIndex,
  parallelRequests: number,
  budget: KeyIndex,
  max: string,
  spent: string,
]

/** By its kind's place in `kinds`, counted from one. */
export type ScriptCall =
  | readonly [kind: number, tokens: number, cost: string]
  /** Of so many asks the last word is asked for: what others had in advance is given back by now. */
  | readonly [kind: number, tokens: number, cost: string, lastWords: number]

/** So many calls like one are to be admitted in advance. */
export type ScriptAdvance = readonly [kind: number, tokens: number, cost: string, calls: number]

/** The message, as JSON. `KEYS[1]` is the key of the holders. */
export interface ScriptMessage {
  /** Epoch milliseconds instead of Redis's own, for tests. */
  readonly now?: number
  readonly holder: string
  /** A holder that is no more: its leases stand under this one's name again. */
  readonly gone?: string
  /** A message that comes later than this, in Redis's time, is void; zero when that time is not known yet. */
  readonly deadline: number
  readonly changes: readonly ScriptChange[]
  /** What calls ask. */
  readonly kinds: readonly (readonly ScriptAsk[])[]
  readonly calls: readonly ScriptCall[]
  /** After the calls. */
  readonly advances?: readonly ScriptAdvance[]
}

/** @param keys takes up those of the scope. */
export function scriptAsk(ask: ScopeAsk, keys: ScriptKeys): ScriptAsk {
  const { scope, requestsPerMinute = -1, tokensPerMinute = -1, parallelRequests = -1, budget } = ask
  return [
    requestsPerMinute < 0 && tokensPerMinute < 0 ? 0 : keys.index(`rate:${scope}`),
    requestsPerMinute,
    tokensPerMinute,
    parallelRequests < 0 ? 0 : keys.index(`parallel:${scope}`),
    parallelRequests,
    budget === undefined ? 0 : keys.index(`budget:${budget.account}`),
    budget === undefined ? '0' : String(budget.max),
    budget === undefined ? '0' : String(budget.spent),
  ]
}

/** @param calls the first of those whose kinds are given. */
export function scriptCalls(
  calls: readonly { readonly message: AdmitMessage; readonly lastWords: number }[],
  kinds: CallKinds,
): readonly ScriptCall[] {
  return calls.map(({ message: { tokens, cost }, lastWords }, index) => {
    const kind = kinds.placeOf(index) + 1
    return lastWords > 0 ? [kind, tokens, String(cost), lastWords] : [kind, tokens, String(cost)]
  })
}

/** @param first where they begin among those whose kinds are given. */
export function scriptAdvances(
  questions: readonly { readonly message: AdmitMessage; readonly calls: number }[],
  first: number,
  kinds: CallKinds,
): readonly ScriptAdvance[] {
  return questions.map(({ message: { tokens, cost }, calls }, index) => {
    const kind = kinds.placeOf(first + index) + 1
    return [kind, tokens, String(cost), calls]
  })
}
