/**
 * Limits that all workers of a host share, as one worker sees them: they are counted in the process above. What the
 * calls of one turn of the event loop ask goes there in one message. Calls that come fast, with limits that are far,
 * are admitted in advance, and what they settle is told some milliseconds later; when the process above calls an
 * advance back, all that is not told goes at once.
 */
import { Advance, type Advanced } from '../../limits/advances/advance.ts'
import { BusyCalls } from '../../limits/advances/busy-calls.ts'
import { KnownSpend, type Marks } from '../../limits/advances/known-spend.ts'
import { OwnAdvances } from '../../limits/advances/own-advances.ts'
import type { AdmitAnswer, AdmitMessage, LimitStore, Settlement } from '../../limits/limit-store.ts'
import type { Channel } from './channel.ts'
import type { LimitAnswer, LimitStep } from './limit-steps.ts'
import { answersOf, stepsText } from './limit-text.ts'
import { Tallies } from './tallies.ts'

const TICK_MS = 25
/** An advance of which nothing was taken up for so long is closed. */
const MOST_IDLE_TICKS = 4
/**
 * So many settlements of an advance that exceed their reservation, each by one at most, wait for the next tick: what is
 * untold is less than the room of a limit that is near (`host-limits.ts`).
 */
const MOST_EXCEEDING = 64

interface Waiter {
  readonly marks: Marks | undefined
  resolve(answer: AdmitAnswer): void
  reject(error: unknown): void
}

export class HostLimitStore implements LimitStore {
  /** Each worker's own store starts empty, should the process above be gone: then the worker ends soon, too. */
  readonly mirrored = false
  readonly #channel: Channel
  readonly #clock: () => number
  readonly #sendAll = (): void => void this.#sendSteps()
  readonly #tick = (): void => this.#onTick()
  /** Open ones. */
  readonly #advances = new OwnAdvances<Tallies>()
  /** Of these, and of those that are being closed: some of what they settled is not told. */
  readonly #untold = new Set<Advance<Tallies>>()
  /** Of the accounts of advances. */
  readonly #spend = new KnownSpend()
  readonly #busy = new BusyCalls()
  #nextId = 1
  #timer: NodeJS.Timeout | undefined
  #steps: LimitStep[] = []
  #waiters: Waiter[] = []
  #isSending = false

  /** @param clock epoch milliseconds, as the process above has them. */
  constructor(channel: Channel, clock: () => number) {
    this.#channel = channel
    this.#clock = clock
    channel.answer('recall', (ids) => this.#closeAll(ids))
  }

  get available(): boolean {
    return this.#channel.open
  }

  admit(message: AdmitMessage): AdmitAnswer | Promise<AdmitAnswer> {
    const nowMs = this.#clock()
    const { asks } = message
    let advance = this.#advances.get(asks)
    if (advance === undefined) advance = this.#notice(message, nowMs)
    else if (!advance.fits(asks)) this.#close(advance)
    else if (this.#spend.covers(asks)) {
      const admitted = advance.take(message, Math.floor(nowMs / 1000))
      if (advance.isLow) this.#askForMore(advance)
      if (admitted !== undefined) return admitted
    }
    const marks = advance === undefined || advance.isClosing ? undefined : this.#spend.asked(asks)
    return this.#ask(message, marks)
  }

  settle(settlement: Settlement): void {
    if (this.#advances.size === 0) return this.#tell({ kind: 'settle', settlement })
    this.#spend.add(settlement)
    const advance = this.#advances.get(settlement.asks)
    if (advance === undefined || !this.#tallies(advance, settlement))
      this.#tell({ kind: 'settle', settlement })
    else if (advance.returns.exceeding >= MOST_EXCEEDING) this.#sendAll()
  }

  async close(): Promise<void> {
    for (const advance of this.#advances.list()) this.#close(advance)
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#sendSteps()
  }

  /** @returns false for a settlement that has to be told by itself. */
  #tallies(advance: Advance<Tallies>, settlement: Settlement): boolean {
    const { second } = settlement
    if (
      !advance.isGranted ||
      advance.isClosing ||
      second === undefined ||
      !advance.isLikeReserved(settlement)
    )
      return false
    advance.returns.settle(second, settlement)
    return true
  }

  /** Calls of one kind that come fast are admitted in advance from now on. */
  #notice(message: AdmitMessage, nowMs: number): Advance<Tallies> | undefined {
    if (!this.#busy.notice(message.asks, nowMs)) return undefined
    const tallies = new Tallies(this.#nextId++, () => this.#untold.add(advance))
    const advance = new Advance(message, tallies)
    this.#advances.add(advance)
    this.#timer ??= setTimeout(this.#tick, TICK_MS).unref()
    this.#askForMore(advance)
    return advance
  }

  #askForMore(advance: Advance<Tallies>): void {
    const { message, calls } = advance.ask()
    const marks = this.#spend.asked(message.asks)
    // What is settled so far is told before it: the process above has to know it when it takes up what is spent.
    if (this.#waiters.length > 0) void this.#sendSteps()
    const steps = this.#takeSteps()
    this.#channel.ask('advance', { id: advance.returns.id, message, calls, steps: stepsText(steps) }).then(
      (advanced) => this.#onAdvanced(advance, advanced, message, marks),
      // The process above is gone, and with it what it has counted; this one ends soon.
      () => this.#advances.delete(advance),
    )
  }

  #onAdvanced(advance: Advance<Tallies>, advanced: Advanced, message: AdmitMessage, marks: Marks): void {
    advance.add(advanced, message)
    if (advanced.calls > 0) this.#spend.told(marks, advanced.uses)
    if (advance.isClosing) this.#end(advance)
    else if (advanced.calls === 0) {
      this.#close(advance)
      this.#busy.deny(advance.asks)
    }
  }

  #closeAll(ids: readonly number[]): void {
    for (const advance of this.#advances.list()) if (ids.includes(advance.returns.id)) this.#close(advance)
    this.#sendAll()
  }

  /** Nothing is taken up of it any more. What is asked for still is given back when it comes. */
  #close(advance: Advance<Tallies>): void {
    this.#advances.delete(advance)
    this.#spend.forget(advance.asks)
    advance.isClosing = true
    if (!advance.isAsking) this.#end(advance)
  }

  #end(advance: Advance<Tallies>): void {
    advance.release()
    this.#tally()
    if (advance.isGranted) this.#tell({ kind: 'close', id: advance.returns.id })
  }

  #onTick(): void {
    this.#timer = undefined
    const second = Math.floor(this.#clock() / 1000)
    for (const advance of this.#advances.list()) {
      advance.tick(second)
      if (advance.idleTicks > MOST_IDLE_TICKS) this.#close(advance)
    }
    this.#sendAll()
    if (this.#advances.size > 0) this.#timer = setTimeout(this.#tick, TICK_MS).unref()
  }

  #ask(message: AdmitMessage, marks: Marks | undefined): Promise<AdmitAnswer> {
    return new Promise((resolve, reject) => {
      this.#tally()
      this.#waiters.push({ marks, resolve, reject })
      this.#tell({ kind: 'admit', message })
    })
  }

  #tell(step: LimitStep): void {
    this.#steps.push(step)
    if (this.#isSending) return
    this.#isSending = true
    setImmediate(this.#sendAll)
  }

  /** What was settled has its place before what is asked next. */
  #tally(): void {
    for (const advance of this.#untold)
      for (const tally of advance.returns.take(advance.asks)) this.#steps.push({ kind: 'tally', tally })
    this.#untold.clear()
  }

  #takeSteps(): readonly LimitStep[] {
    this.#tally()
    const steps = this.#steps
    this.#steps = []
    return steps
  }

  async #sendSteps(): Promise<void> {
    this.#isSending = false
    const steps = this.#takeSteps()
    if (steps.length === 0) return
    const waiters = this.#waiters
    this.#waiters = []
    try {
      const answers = answersOf(await this.#channel.ask('limits', stepsText(steps)))
      for (const [index, waiter] of waiters.entries()) {
        const answer = answers[index]
        if (answer === undefined) waiter.reject(new Error('an admission was not answered'))
        else this.#onAnswer(waiter, answer)
      }
    } catch (error) {
      for (const waiter of waiters) waiter.reject(error)
    }
  }

  #onAnswer(waiter: Waiter, answer: LimitAnswer): void {
    if ('ticket' in answer) {
      // Others have something in advance that has to be given back first.
      this.#channel.ask('decision', answer.ticket).then(
        (decision) => this.#onAnswer(waiter, decision),
        (error: unknown) => waiter.reject(error),
      )
      return
    }
    if (answer.admitted && waiter.marks !== undefined) this.#spend.told(waiter.marks, answer.uses)
    waiter.resolve(answer)
  }
}
