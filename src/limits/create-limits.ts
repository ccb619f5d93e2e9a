/** Limits over whichever store there is: one that processes share, and this process's own while that is lost. */
import type { Usage } from '../dialects/usage.ts'
import { picodollars } from '../money/picodollars.ts'
import { nowMs } from '../record/clock.ts'
import type { Scope } from '../record/scope.ts'
import type { Redis } from '../redis/redis.ts'
import { admitMessage, asksNothing, asksRates } from './admit-message.ts'
import { HeldReservation, NOTHING_HELD, type CountedBy } from './held-reservation.ts'
import { limitHeaders } from './limit-headers.ts'
import type { LimitObserver } from './limit-observer.ts'
import { countedOf, type LimitSettings } from './limit-settings.ts'
import type { AdmitAnswer, Admitted, AdmitMessage, LimitStore, Refused } from './limit-store.ts'
import type { AdmissionRequest, LimitError, Limits, Reservation } from './limits.ts'
import { messageOnStoreLoss } from './loss-policy.ts'
import { MemoryLimitStore } from './memory-store.ts'
import { OutputQuantiles } from './output-quantiles.ts'
import { RedisLimitStore } from './redis-store.ts'
import { RateUses, type RateUse } from './rate-uses.ts'
import { limitError } from './refusals.ts'
import { accountOf } from './scope-names.ts'

export interface LimitsOptions {
  /** All processes count there together. */
  readonly redis: Redis | undefined
  /** Where there is no Redis: a store that this process shares with others of its host. */
  readonly store?: LimitStore | undefined
  readonly settings: LimitSettings
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly observer: LimitObserver
}

export interface ConfigurableLimits extends Limits {
  /** Takes up a changed configuration. */
  configure(settings: LimitSettings): void
  /** Requests and tokens of the last minute, as the last call of this process with the scope was told. */
  useOf(scope: Scope): RateUse
  /** Memory of the counts of this process, by the number of scopes. */
  readonly heldBytes: number
}

export function createLimits(options: LimitsOptions): ConfigurableLimits {
  return new StoredLimits(options)
}

class StoredLimits implements ConfigurableLimits {
  readonly #own: MemoryLimitStore
  readonly #shared: LimitStore | undefined
  readonly #clock: () => number
  readonly #observer: LimitObserver
  readonly #outputs = new OutputQuantiles()
  readonly #uses = new RateUses()
  #settings: LimitSettings

  constructor({ redis, store, settings, clock, observer }: LimitsOptions) {
    this.#own = new MemoryLimitStore(clock)
    this.#shared =
      redis === undefined ? store : new RedisLimitStore({ redis, own: this.#own, clock, observer })
    this.#clock = clock
    this.#observer = observer
    this.#settings = settings
  }

  admit(request: AdmissionRequest): Reservation | Promise<Reservation> {
    const message = admitMessage(request, this.#outputs.estimate(request.modelGroup), this.#settings)
    if (asksNothing(message)) return NOTHING_HELD
    const shared = this.#shared
    if (shared === undefined) return this.#admitHere(request, message)
    if (!shared.available) return this.#admitHere(request, messageOnStoreLoss(message, this.#settings))
    return this.#admitShared(shared, request, message)
  }

  tokensOf(usage: Usage): number {
    return countedOf(usage, this.#settings.countedTokens)
  }

  learn(modelGroup: string, outputTokens: number): void {
    this.#outputs.learn(modelGroup, outputTokens)
  }

  configure(settings: LimitSettings): void {
    this.#settings = settings
  }

  useOf(scope: Scope): RateUse {
    return this.#uses.of(scope, this.#clock())
  }

  get heldBytes(): number {
    return this.#own.heldBytes
  }

  async close(): Promise<void> {
    await this.#shared?.close()
  }

  #admitShared(
    shared: LimitStore,
    request: AdmissionRequest,
    message: AdmitMessage,
  ): Reservation | Promise<Reservation> {
    const askedAtMs = nowMs()
    let answer: AdmitAnswer | Promise<AdmitAnswer>
    try {
      answer = shared.admit(message)
    } catch {
      return this.#admitWithout(request, message)
    }
    return answer instanceof Promise
      ? this.#whenAnswered(answer, askedAtMs, shared, request, message)
      : this.#answered(answer, shared, request, message)
  }

  async #whenAnswered(
    asked: Promise<AdmitAnswer>,
    askedAtMs: number,
    shared: LimitStore,
    request: AdmissionRequest,
    message: AdmitMessage,
  ): Promise<Reservation> {
    let answer: AdmitAnswer
    try {
      answer = await asked
    } catch {
      return this.#admitWithout(request, message)
    }
    this.#observer.storeAnswered(nowMs() - askedAtMs)
    return this.#answered(answer, shared, request, message)
  }

  #answered(
    answer: AdmitAnswer,
    shared: LimitStore,
    request: AdmissionRequest,
    message: AdmitMessage,
  ): Reservation {
    if (!answer.admitted) throw this.#refusal(request, message, answer)
    this.#observer.admitted('shared')
    const stores: CountedBy[] = [{ store: shared, second: answer.second }]
    if (shared.mirrored) stores.push({ store: this.#own, second: Math.floor(this.#clock() / 1000) })
    return this.#reservation(request, message, answer, stores)
  }

  /** The shared store does not answer. */
  #admitWithout(request: AdmissionRequest, message: AdmitMessage): Reservation {
    this.#observer.storeFailed('admission')
    return this.#admitHere(request, messageOnStoreLoss(message, this.#settings))
  }

  #admitHere(request: AdmissionRequest, message: AdmitMessage): Reservation {
    const answer = this.#own.admit(message)
    if (!answer.admitted) throw this.#refusal(request, message, answer)
    this.#observer.admitted('local')
    const stores: CountedBy[] = [{ store: this.#own, second: answer.second }]
    // When the shared store is back, what this call holds is stated there, and so has to be given back there.
    if (this.#shared?.mirrored === true) stores.push({ store: this.#shared, second: undefined })
    return this.#reservation(request, message, answer, stores)
  }

  #reservation(
    { scopes, modelGroup }: AdmissionRequest,
    message: AdmitMessage,
    { uses }: Admitted,
    stores: readonly CountedBy[],
  ): Reservation {
    const nowMs = this.#clock()
    for (let index = 0; index < uses.length; index += 1) {
      const scope = scopes[index]
      const use = uses[index]
      const ask = message.asks[index]
      if (scope === undefined || use === undefined || ask === undefined) continue
      if (asksRates(ask)) this.#uses.note(scope, use, nowMs)
      if (ask.budget !== undefined && use.settled !== undefined)
        raiseSpent(scope, ask.budget.account, use.settled)
    }
    return new HeldReservation(stores, scopes, message, limitHeaders(scopes, message.asks, uses, modelGroup))
  }

  #refusal({ scopes }: AdmissionRequest, message: AdmitMessage, refused: Refused): LimitError {
    const scope = scopes[refused.ask]
    if (scope === undefined)
      throw new Error(`the store of limits refused by scope ${refused.ask} of ${scopes.length}`)
    const account = message.asks[refused.ask]?.budget?.account
    if (refused.limit === 'budget' && account !== undefined) raiseSpent(scope, account, BigInt(refused.used))
    this.#uses.noteRefusal(scope, refused, this.#clock())
    this.#observer.refused(scope.kind, refused.limit)
    return limitError(scope, refused, this.#clock())
  }
}

/** Takes up what other processes have settled, unless the window has ended meanwhile. */
function raiseSpent(scope: Scope, account: string, settled: bigint): void {
  if (settled > scope.spent && accountOf(scope) === account) scope.spent = picodollars(settled)
}
