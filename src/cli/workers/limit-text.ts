/**
 * Steps and answers of limits as the channel carries them: one text costs it far less than the objects that it says. It
 * is JSON, with amounts as decimal text.
 */
import type { AdmitMessage, ScopeAsk, ScopeUse, Settlement, Tally } from '../../limits/limit-store.ts'
import type { LimitAnswer, LimitStep } from './limit-steps.ts'

/** What JSON makes of a value of this program. */
type Json<T> = T extends bigint ? string : T extends object ? { readonly [K in keyof T]: Json<T[K]> } : T

/** Within lists, JSON says null for what is undefined. */
interface SettlementJson extends Omit<Json<Settlement>, 'accounts'> {
  readonly accounts: readonly (string | null | undefined)[]
}

type StepJson =
  | { readonly kind: 'admit'; readonly message: Json<AdmitMessage> }
  | { readonly kind: 'settle'; readonly settlement: SettlementJson }
  | { readonly kind: 'tally'; readonly tally: Json<Tally> }
  | { readonly kind: 'close'; readonly id: number }

export function stepsText(steps: readonly LimitStep[]): string {
  return JSON.stringify(steps.map(stepJson))
}

/** @param text of `stepsText`. */
export function stepsOf(text: string): readonly LimitStep[] {
  return (JSON.parse(text) as readonly StepJson[]).map(stepOf)
}

export function answersText(answers: readonly LimitAnswer[]): string {
  return JSON.stringify(answers.map(answerJson))
}

/** @param text of `answersText`. */
export function answersOf(text: string): readonly LimitAnswer[] {
  return (JSON.parse(text) as readonly Json<LimitAnswer>[]).map(answerOf)
}

function stepJson(step: LimitStep): StepJson {
  switch (step.kind) {
    case 'admit': {
      const { tokens, cost, asks } = step.message
      return { kind: 'admit', message: { tokens, cost: String(cost), asks: asks.map(askJson) } }
    }
    case 'settle': {
      const { asks, cost, costReserved } = step.settlement
      const amounts = { cost: String(cost), costReserved: String(costReserved) }
      return { kind: 'settle', settlement: { ...step.settlement, ...amounts, asks: asks.map(askJson) } }
    }
    case 'tally': {
      const { asks, cost, costBack } = step.tally
      const amounts = { cost: String(cost), costBack: String(costBack) }
      return { kind: 'tally', tally: { ...step.tally, ...amounts, asks: asks.map(askJson) } }
    }
    case 'close':
      return step
  }
}

function stepOf(step: StepJson): LimitStep {
  switch (step.kind) {
    case 'admit': {
      const { tokens, cost, asks } = step.message
      return { kind: 'admit', message: { tokens, cost: BigInt(cost), asks: asks.map(askOf) } }
    }
    case 'settle': {
      const { asks, accounts, cost, costReserved } = step.settlement
      const amounts = { cost: BigInt(cost), costReserved: BigInt(costReserved) }
      return {
        kind: 'settle',
        settlement: {
          ...step.settlement,
          ...amounts,
          asks: asks.map(askOf),
          accounts: accounts.map((account) => account ?? undefined),
        },
      }
    }
    case 'tally': {
      const { asks, cost, costBack } = step.tally
      const amounts = { cost: BigInt(cost), costBack: BigInt(costBack) }
      return { kind: 'tally', tally: { ...step.tally, ...amounts, asks: asks.map(askOf) } }
    }
    case 'close':
      return step
  }
}

function askJson(ask: ScopeAsk): Json<ScopeAsk> {
  const { budget } = ask
  if (budget === undefined) return { ...ask, budget }
  const { account, max, spent } = budget
  return { ...ask, budget: { account, max: String(max), spent: String(spent) } }
}

function askOf(ask: Json<ScopeAsk>): ScopeAsk {
  const { scope, requestsPerMinute, tokensPerMinute, parallelRequests, budget } = ask
  return {
    scope,
    requestsPerMinute,
    tokensPerMinute,
    parallelRequests,
    budget:
      budget === undefined
        ? undefined
        : { account: budget.account, max: BigInt(budget.max), spent: BigInt(budget.spent) },
  }
}

function answerJson(answer: LimitAnswer): Json<LimitAnswer> {
  if ('ticket' in answer || !answer.admitted) return answer
  return { ...answer, uses: answer.uses.map(useJson) }
}

function answerOf(answer: Json<LimitAnswer>): LimitAnswer {
  if ('ticket' in answer || !answer.admitted) return answer
  return { ...answer, uses: answer.uses.map(useOf) }
}

function useJson(use: ScopeUse): Json<ScopeUse> {
  const { settled } = use
  return { ...use, settled: settled === undefined ? undefined : String(settled) }
}

function useOf(use: Json<ScopeUse>): ScopeUse {
  const { requests, tokens, parallel, settled } = use
  return { requests, tokens, parallel, settled: settled === undefined ? undefined : BigInt(settled) }
}
