/**
 * The limits of all workers, counted in the process above them. A worker that is busy has calls admitted in advance,
 * where limits are far; whoever comes near a limit is answered when workers have given back what they have in advance.
 */
import type { Advanced } from '../../limits/advances/advance.ts'
import type { AdmitAnswer, AdmitMessage, ScopeAsk, Settlement, Tally } from '../../limits/limit-store.ts'
import { amountsOf, MemoryLimitStore, type Amounts } from '../../limits/memory-store.ts'
import { limitsTheSame } from '../../limits/same-asks.ts'
import type { AdvanceQuestion, LimitAnswer, LimitStep } from './limit-steps.ts'
import { answersText, stepsOf } from './limit-text.ts'
import { OpenAdvances, type OpenAdvance } from './open-advances.ts'
import { RisingSpend } from './rising-spend.ts'

/**
 * A limit with room for fewer calls than this for each open advance is near: what a worker has not told yet is less
 * (`MOST_EXCEEDING` of `host-limit-store.ts`).
 */
const NEAR = 128
/** For each open advance, calls that a limit must have room for before any is admitted in advance. */
const FAR = 512
/** Of the room that a limit has, at most one part in so many is one advance. */
const SHARE = 16
/** A scope of more busy keys than these counts each call by itself. */
const MOST_OF_A_SCOPE = 16
/** A worker that is busy for longer, or hangs, keeps its advance: what is counted of it stays counted. */
const RECALL_TIMEOUT_MS = 1_000

const NOTHING: Advanced = { calls: 0, second: 0, uses: [] }

/** Asks workers to close advances. */
export type Recall = (worker: string, ids: readonly number[]) => void

interface Admission {
  readonly worker: string
  readonly message: AdmitMessage
}

interface Decision {
  readonly worker: string
  readonly answer: Promise<AdmitAnswer>
}

export class HostLimits {
  readonly #store: MemoryLimitStore
  readonly #recall: Recall
  readonly #advances = new OpenAdvances()
  /** Admissions that wait for advances to be closed. */
  readonly #waiting = new Set<Admission>()
  /** What these come to, by ticket, until it is asked for. */
  readonly #decisions = new Map<number, Decision>()
  #lastTicket = 0
  /** What askers know to be spent elsewhere, until workers have told what they have settled before. */
  readonly #rising: RisingSpend

  /** @param clock epoch milliseconds. */
  constructor(clock: () => number, recall: Recall) {
    this.#store = new MemoryLimitStore(clock)
    this.#recall = recall
    this.#rising = new RisingSpend(this.#store)
  }

  /**
   * @param text of the worker's steps.
   * @returns text of an answer for each admission among them, in their order.
   */
  take(worker: string, text: string): string {
    const answers: LimitAnswer[] = []
    for (const step of stepsOf(text)) {
      const answer = this.#step(worker, step)
      if (answer !== undefined)
        answers.push(answer instanceof Promise ? this.#ticket(worker, answer) : answer)
    }
    return answersText(answers)
  }

  /** What an admission that had to wait comes to. @throws (as rejection) when nobody waits under this ticket. */
  async decision(ticket: number): Promise<AdmitAnswer> {
    const decision = this.#decisions.get(ticket)
    if (decision === undefined) throw new Error(`no admission waits under ticket ${ticket}`)
    this.#decisions.delete(ticket)
    return await decision.answer
  }

  /** Admits calls in advance, where limits are far. */
  advance(worker: string, { id, message, calls: wanted, steps }: AdvanceQuestion): Advanced {
    for (const step of stepsOf(steps)) void this.#step(worker, step)
    const known = this.#advances.get(worker, id)
    if (known?.isRecalled === true) return NOTHING
    if (this.#isAwaited(message.asks)) return NOTHING
    const others = this.#advances.touching(message.asks).filter((advance) => advance !== known)
    if (others.length > 0 && this.#store.missing(message.asks).size > 0) return NOTHING
    const room = this.#store.room(message)
    if (others.length >= MOST_OF_A_SCOPE || room < FAR * (others.length + 1)) return NOTHING
    const calls = Math.min(wanted, Math.floor(room / SHARE))
    if (calls === 0 || this.#near(message.asks, amountsOf(message, calls)).length > 0) return NOTHING
    const first = this.#store.admit(message, worker)
    if (!first.admitted) return NOTHING
    if (calls > 1) this.#store.count(message.asks, amountsOf(message, calls - 1), worker)
    if (known === undefined) this.#advances.open(worker, id, message)
    else known.message = message
    return { calls, second: first.second, uses: first.uses }
  }

  /** What a worker held when it died is free again. Requests and tokens that it may have used leave with their minute. */
  gone(worker: string): void {
    this.#store.forget(worker)
    this.#rising.gone(worker)
    this.#advances.gone(worker)
    for (const admission of this.#waiting) if (admission.worker === worker) this.#waiting.delete(admission)
    for (const [ticket, decision] of this.#decisions)
      if (decision.worker === worker) this.#decisions.delete(ticket)
  }

  #ticket(worker: string, answer: Promise<AdmitAnswer>): LimitAnswer {
    const ticket = (this.#lastTicket += 1)
    this.#decisions.set(ticket, { worker, answer })
    // Whoever asks for it is told of its failure.
    answer.catch(() => undefined)
    return { ticket }
  }

  #step(worker: string, step: LimitStep): AdmitAnswer | Promise<AdmitAnswer> | undefined {
    switch (step.kind) {
      case 'admit':
        return this.#admit({ worker, message: step.message })
      case 'settle':
        return this.#settle(worker, step.settlement)
      case 'tally':
        return this.#settleAll(worker, step.tally)
      case 'close':
        return this.#close(worker, step.id)
    }
  }

  #admit(admission: Admission): AdmitAnswer | Promise<AdmitAnswer> {
    const { worker, message } = admission
    // What others have settled may be part of what the asker knows to be spent: it is counted first.
    const others = this.#advances.touching(message.asks).filter((advance) => advance.worker !== worker)
    if (others.length > 0 && this.#store.missing(message.asks).size > 0)
      return this.#admitRaised(admission, others)
    this.#store.learn(message.asks)
    const near = this.#near(message.asks, amountsOf(message, 1))
    return near.length === 0 ? this.#store.admit(message, worker) : this.#admitAlone(admission, near)
  }

  /** Decides when what the asker knows to be spent is known here. */
  async #admitRaised(admission: Admission, others: readonly OpenAdvance[]): Promise<AdmitAnswer> {
    const raise = this.#rising.begin(admission.worker, admission.message.asks)
    await this.#whenClosed(admission, others)
    this.#rising.end(raise)
    return late(await this.#admit(admission))
  }

  /** Decides when nobody has anything in advance any more. */
  async #admitAlone(admission: Admission, near: readonly OpenAdvance[]): Promise<AdmitAnswer> {
    await this.#whenClosed(admission, near)
    return late(await this.#admit(admission))
  }

  /** @throws when the asker is gone: nobody hears the answer, nor settles what the call would hold. */
  async #whenClosed(admission: Admission, advances: readonly OpenAdvance[]): Promise<void> {
    this.#waiting.add(admission)
    await this.#callBack(advances)
    if (!this.#waiting.delete(admission)) throw new Error('the worker is gone')
  }

  #settle(worker: string, settlement: Settlement): undefined {
    this.#store.settle(settlement, worker)
    this.#rising.settled(worker, settlement.accounts, settlement.cost)
    if (settlement.cost === settlement.costReserved && settlement.tokens <= settlement.tokensReserved) return
    this.#callBackNear(settlement.asks)
  }

  #settleAll(worker: string, tally: Tally): undefined {
    this.#store.settleAll(tally, worker)
    this.#rising.settled(worker, tally.asks.map(accountOf), tally.cost)
    if (tally.cost > 0n || tally.tokensMore > 0) this.#callBackNear(tally.asks)
  }

  #close(worker: string, id: number): undefined {
    const advance = this.#advances.get(worker, id)
    if (advance !== undefined) this.#advances.close(advance)
  }

  /** What was settled may have brought a limit near. */
  #callBackNear(asks: readonly ScopeAsk[]): void {
    const near = this.#near(asks, NO_CALLS)
    if (near.length > 0) void this.#callBack(near)
  }

  /** Advances of scopes that are near a limit, or will be when these calls are admitted. */
  #near(asks: readonly ScopeAsk[], before: Amounts): readonly OpenAdvance[] {
    const open = this.#advances.touching(asks)
    return open.filter(({ message }) => this.#roomOf(message, asks, before) < NEAR * open.length)
  }

  /** For calls of an advance: by its limits, and by those of these asks where they are others. */
  #roomOf(message: AdmitMessage, asks: readonly ScopeAsk[], before: Amounts): number {
    const room = this.#store.room(message, before)
    const changed: ScopeAsk[] = []
    for (const ask of asks) {
      const known = message.asks.find(({ scope }) => scope === ask.scope)
      if (known === undefined || limitsTheSame(known, ask)) continue
      // Of a budget that it does not ask, an advance has nothing.
      changed.push(known.budget === undefined ? { ...ask, budget: undefined } : ask)
    }
    return changed.length === 0
      ? room
      : Math.min(room, this.#store.room({ ...message, asks: changed }, before))
  }

  /** Some admission waits until nothing is in advance of one of these scopes. */
  #isAwaited(asks: readonly ScopeAsk[]): boolean {
    for (const { message } of this.#waiting)
      if (message.asks.some(({ scope }) => asks.some((ask) => ask.scope === scope))) return true
    return false
  }

  async #callBack(advances: readonly OpenAdvance[]): Promise<void> {
    for (const advance of advances) {
      if (advance.isRecalled) continue
      advance.isRecalled = true
      this.#recall(advance.worker, [advance.id])
      const timer = setTimeout(() => this.#advances.close(advance), RECALL_TIMEOUT_MS).unref()
      void advance.closed.then(() => clearTimeout(timer))
    }
    await Promise.all(advances.map(({ closed }) => closed))
  }
}

/** What is settled now may hold what the asker has settled after it had asked. */
function late(answer: AdmitAnswer): AdmitAnswer {
  return answer.admitted
    ? { ...answer, uses: answer.uses.map((use) => ({ ...use, settled: undefined })) }
    : answer
}

function accountOf({ budget }: ScopeAsk): string | undefined {
  return budget?.account
}

const NO_CALLS: Amounts = { calls: 0, tokens: 0, cost: 0n }
