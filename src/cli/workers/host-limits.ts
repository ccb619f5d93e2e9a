/**
 * The limits of all workers, counted in the process above them. A worker that is busy has calls admitted in advance,
 * where limits are far; whoever comes near a limit is answered when workers have given back what they have in advance.
 */
import type { AdmitAnswer, AdmitMessage, ScopeAsk, Settlement, Surplus } from '../../limits/limit-store.ts'
import { MemoryLimitStore, type Amounts } from '../../limits/memory-store.ts'
import { answersText, stepsOf, type Advanced, type AdvanceQuestion, type LimitStep } from './limit-steps.ts'
import { OpenAdvances, type OpenAdvance } from './open-advances.ts'

/** For each open advance, calls that a limit must have room for before any is admitted in advance. */
const FAR = 1_536
/** A scope of more busy keys than these counts each call by itself. */
const MOST_OF_A_SCOPE = 16
/** Of the room that a limit has, at most one part in so many is one advance. */
const SHARE = 16
/**
 * A limit with room for fewer calls than this for each open advance is near: what workers have not told yet is less
 * (`advance.ts`).
 */
const NEAR = 384
/** A worker that is busy for longer, or hangs, keeps its advance: what is counted of it stays counted. */
const RECALL_TIMEOUT_MS = 1_000

const NOTHING: Advanced = { calls: 0, second: 0, uses: [] }

/** Asks workers to close advances. */
export type Recall = (worker: string, ids: readonly number[]) => void

interface Admission {
  readonly worker: string
  readonly message: AdmitMessage
}

export class HostLimits {
  readonly #store: MemoryLimitStore
  readonly #recall: Recall
  readonly #advances = new OpenAdvances()
  /** Admissions that wait for advances to be closed. */
  readonly #waiting = new Set<Admission>()

  /** @param clock epoch milliseconds. */
  constructor(clock: () => number, recall: Recall) {
    this.#store = new MemoryLimitStore(clock)
    this.#recall = recall
  }

  /**
   * @param text of the worker's steps.
   * @returns text of an answer for each admission among them, in their order.
   */
  take(worker: string, text: string): string | Promise<string> {
    const answers: (AdmitAnswer | Promise<AdmitAnswer>)[] = []
    let waits = false
    for (const step of stepsOf(text)) {
      const answer = this.#step(worker, step)
      if (answer === undefined) continue
      waits ||= answer instanceof Promise
      answers.push(answer)
    }
    return waits ? allOf(answers) : answersText(answers as AdmitAnswer[])
  }

  /** Admits calls in advance, where limits are far. */
  advance(worker: string, { id, message, calls: wanted, steps }: AdvanceQuestion): Advanced {
    for (const step of stepsOf(steps)) void this.#step(worker, step)
    const known = this.#advances.get(worker, id)
    if (known?.isRecalled === true) return NOTHING
    const others = this.#advances.touching(message.asks).length - (known === undefined ? 0 : 1)
    const room = this.#store.room(message)
    if (others >= MOST_OF_A_SCOPE || room < FAR * (others + 1)) return NOTHING
    const calls = Math.min(wanted, Math.floor(room / SHARE))
    if (calls === 0 || this.#near(message.asks, amountsOf(message, calls)).length > 0) return NOTHING
    const first = this.#store.admit(message, worker)
    if (!first.admitted) return NOTHING
    for (let more = 1; more < calls; more += 1) this.#store.count(message, worker)
    if (known === undefined) this.#advances.open(worker, id, message)
    else known.message = message
    return { calls, second: first.second, uses: first.uses }
  }

  /** What a worker held when it died is free again. Requests and tokens that it may have used leave with their minute. */
  gone(worker: string): void {
    this.#store.forget(worker)
    this.#advances.gone(worker)
    for (const admission of this.#waiting) if (admission.worker === worker) this.#waiting.delete(admission)
  }

  #step(worker: string, step: LimitStep): AdmitAnswer | Promise<AdmitAnswer> | undefined {
    switch (step.kind) {
      case 'admit':
        return this.#admit({ worker, message: step.message })
      case 'settle':
        return this.#settle(worker, step.settlement)
      case 'withdraw':
        return this.#withdraw(worker, step.surplus)
      case 'close':
        return this.#close(worker, step.id)
    }
  }

  #admit(admission: Admission): AdmitAnswer | Promise<AdmitAnswer> {
    const { worker, message } = admission
    const near = this.#near(message.asks, amountsOf(message, 1))
    return near.length === 0 ? this.#store.admit(message, worker) : this.#admitAlone(admission, near)
  }

  /** Decides when nobody has anything in advance any more. */
  async #admitAlone(admission: Admission, near: readonly OpenAdvance[]): Promise<AdmitAnswer> {
    this.#waiting.add(admission)
    await this.#callBack(near)
    // Nobody hears the answer to a process that is gone, nor settles what it would hold.
    if (!this.#waiting.delete(admission)) throw new Error('the worker is gone')
    return await this.#admit(admission)
  }

  #settle(worker: string, settlement: Settlement): undefined {
    this.#store.settle(settlement, worker)
    if (settlement.cost === settlement.costReserved && settlement.tokens <= settlement.tokensReserved) return
    const near = this.#near(settlement.asks, NO_CALLS)
    if (near.length > 0) void this.#callBack(near)
  }

  #withdraw(worker: string, surplus: Surplus): undefined {
    this.#store.withdraw(surplus, worker)
  }

  #close(worker: string, id: number): undefined {
    const advance = this.#advances.get(worker, id)
    if (advance !== undefined) this.#advances.close(advance)
  }

  /** Advances of scopes that are near a limit, or will be when these calls are admitted. */
  #near(asks: readonly ScopeAsk[], before: Amounts): readonly OpenAdvance[] {
    const open = this.#advances.touching(asks)
    // Whoever asks may know of more spend than those who asked before: room is what is left by all that is known.
    if (open.length > 0) this.#store.learn(asks)
    return open.filter(({ message }) => this.#store.room(message, before) < NEAR * open.length)
  }

  async #callBack(advances: readonly OpenAdvance[]): Promise<void> {
    for (const advance of advances) {
      if (advance.isRecalled) continue
      advance.isRecalled = true
      this.#recall(advance.worker, [advance.id])
      setTimeout(() => this.#advances.close(advance), RECALL_TIMEOUT_MS).unref()
    }
    await Promise.all(advances.map(({ closed }) => closed))
  }
}

async function allOf(answers: readonly (AdmitAnswer | Promise<AdmitAnswer>)[]): Promise<string> {
  return answersText(await Promise.all(answers.map(async (answer) => await answer)))
}

const NO_CALLS: Amounts = { calls: 0, tokens: 0, cost: 0n }

function amountsOf({ tokens, cost }: AdmitMessage, calls: number): Amounts {
  return { calls, tokens: tokens * calls, cost: BigInt(cost) * BigInt(calls) }
}
