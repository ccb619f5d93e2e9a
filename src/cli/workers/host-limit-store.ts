/**
 * Limits that all workers of a host share, as one worker sees them: they are counted in the process above. What the
 * calls of one turn of the event loop ask goes there in one message. Calls that come fast, with limits that are far,
 * are admitted in advance, and what they settle is told some milliseconds later; when the process above calls an
 * advance back, all that is not told goes at once.
 */
import type { AdmitAnswer, AdmitMessage, LimitStore, ScopeAsk, Settlement } from '../../limits/limit-store.ts'
import { Advance } from './advance.ts'
import type { Channel } from './channel.ts'
import { answersOf, stepsText, type Advanced, type LimitStep } from './limit-steps.ts'

/** Calls of one kind that are asked for within this time, and how many of them have the next ones admitted in advance. */
const BUSY_WITHIN_MS = 20
const BUSY_CALLS = 4

const TICK_MS = 25
/** An advance of which nothing was taken up for so long is closed. */
const MOST_IDLE_TICKS = 4
/**
 * Steps that wait for the next tick. Each of them settles at most one reservation more than was reserved: what is untold
 * is less than the room of a limit that is near (`host-limits.ts`).
 */
const MOST_UNTOLD = 64

interface Waiter {
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
  /** Open ones, by the scopes that they ask. */
  readonly #advances = new Map<string, Advance>()
  /** Calls since `#askedSinceMs`, by the same. */
  readonly #asked = new Map<string, number>()
  #askedSinceMs = 0
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
    const key = keyOf(message.asks)
    const advance = this.#advances.get(key)
    if (advance === undefined) this.#notice(key, message, nowMs)
    else if (!advance.fits(message.asks)) this.#close(key, advance)
    else {
      const admitted = advance.take(message, Math.floor(nowMs / 1000))
      if (advance.isLow) this.#askForMore(key, advance)
      if (admitted !== undefined) return admitted
    }
    return this.#ask(message)
  }

  settle(settlement: Settlement): void {
    const step = { kind: 'settle', settlement } as const
    const advance = this.#advances.size === 0 ? undefined : this.#advances.get(keyOf(settlement.asks))
    if (advance !== undefined && isLikeReserved(settlement, advance)) this.#tellLater(step)
    else this.#tell(step)
  }

  async close(): Promise<void> {
    for (const [key, advance] of this.#advances) this.#close(key, advance)
    clearTimeout(this.#timer)
    await this.#sendSteps()
  }

  /** Calls of one kind that come fast are admitted in advance from now on. */
  #notice(key: string, message: AdmitMessage, nowMs: number): void {
    if (nowMs - this.#askedSinceMs > BUSY_WITHIN_MS) {
      this.#asked.clear()
      this.#askedSinceMs = nowMs
    }
    const asked = (this.#asked.get(key) ?? 0) + 1
    this.#asked.set(key, asked)
    if (asked < BUSY_CALLS) return
    this.#asked.delete(key)
    const advance = new Advance(this.#nextId++, message, (surplus) =>
      this.#tellLater({ kind: 'withdraw', surplus }),
    )
    this.#advances.set(key, advance)
    this.#timer ??= setTimeout(this.#tick, TICK_MS).unref()
    this.#askForMore(key, advance)
  }

  #askForMore(key: string, advance: Advance): void {
    const { message, calls } = advance.ask()
    // What is settled so far is told along with it.
    const steps = this.#waiters.length === 0 ? this.#takeSteps() : []
    this.#channel.ask('advance', { id: advance.id, message, calls, steps: stepsText(steps) }).then(
      (advanced) => this.#onAdvanced(key, advance, advanced, message),
      // The process above is gone, and with it what it has counted.
      () => this.#advances.delete(key),
    )
  }

  #onAdvanced(key: string, advance: Advance, advanced: Advanced, message: AdmitMessage): void {
    advance.add(advanced, message)
    if (advance.isClosing) this.#end(advance)
    else if (advanced.calls === 0) {
      this.#close(key, advance)
      // A limit that is near is nearer with the next call: asking again waits for the next stretch of time.
      this.#asked.set(key, Number.NEGATIVE_INFINITY)
    }
  }

  #closeAll(ids: readonly number[]): void {
    for (const [key, advance] of this.#advances) if (ids.includes(advance.id)) this.#close(key, advance)
    this.#sendAll()
  }

  /** Nothing is taken up of it any more. What is asked for still is given back when it comes. */
  #close(key: string, advance: Advance): void {
    this.#advances.delete(key)
    advance.isClosing = true
    if (!advance.isAsking) this.#end(advance)
  }

  #end(advance: Advance): void {
    advance.release()
    this.#tell({ kind: 'close', id: advance.id })
  }

  #onTick(): void {
    this.#timer = undefined
    const second = Math.floor(this.#clock() / 1000)
    for (const [key, advance] of this.#advances) {
      advance.tick(second)
      if (advance.idleTicks > MOST_IDLE_TICKS) this.#close(key, advance)
    }
    this.#sendAll()
    if (this.#advances.size > 0) this.#timer = setTimeout(this.#tick, TICK_MS).unref()
  }

  #ask(message: AdmitMessage): Promise<AdmitAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#tell({ kind: 'admit', message })
    })
  }

  #tell(step: LimitStep): void {
    this.#steps.push(step)
    if (this.#isSending) return
    this.#isSending = true
    setImmediate(this.#sendAll)
  }

  #tellLater(step: LimitStep): void {
    if (this.#steps.length >= MOST_UNTOLD) this.#tell(step)
    else this.#steps.push(step)
  }

  #takeSteps(): readonly LimitStep[] {
    const steps = this.#steps
    this.#steps = []
    return steps
  }

  async #sendSteps(): Promise<void> {
    this.#isSending = false
    if (this.#steps.length === 0) return
    const steps = this.#takeSteps()
    const waiters = this.#waiters
    this.#waiters = []
    try {
      const answers = answersOf(await this.#channel.ask('limits', stepsText(steps)))
      for (const [index, waiter] of waiters.entries()) {
        const answer = answers[index]
        if (answer === undefined) waiter.reject(new Error('an admission was not answered'))
        else waiter.resolve(answer)
      }
    } catch (error) {
      for (const waiter of waiters) waiter.reject(error)
    }
  }
}

/** The scopes that are asked. Most calls ask one. */
function keyOf(asks: readonly ScopeAsk[]): string {
  let key = asks[0]?.scope ?? ''
  for (let index = 1; index < asks.length; index += 1) key += `\n${asks[index]?.scope}`
  return key
}

/** A call that used far more than it had reserved is told of at once. */
function isLikeReserved(
  { tokens, tokensReserved, cost, costReserved }: Settlement,
  advance: Advance,
): boolean {
  if (tokens - tokensReserved > advance.tokens) return false
  return cost === costReserved || BigInt(cost) - BigInt(costReserved) <= BigInt(advance.cost)
}
