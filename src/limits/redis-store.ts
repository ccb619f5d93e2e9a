/**
 * Limits that processes count together in Redis. Each process holds what its calls have taken under a name of its own
 * that it keeps alive; the process's own store knows the same, so that after a loss (of an answer, of Redis's data, of
 * the name by a long pause) all is stated anew under a new name, and nothing is counted twice or lost.
 */
import { randomBytes } from 'node:crypto'
import { RedisUnavailableError, type Redis } from '../redis/redis.ts'
import { CallKinds } from './call-kinds.ts'
import { GatheredChanges } from './gathered-changes.ts'
import { HOLDER_TTL_MS, LIMIT_SCRIPT, type ScriptAsk, type ScriptMessage } from './limit-script.ts'
import type { LimitObserver } from './limit-observer.ts'
import type { AdmitAnswer, AdmitMessage, LimitStore, ScopeAsk, Settlement } from './limit-store.ts'
import type { MemoryLimitStore } from './memory-store.ts'
import { ScriptKeys } from './script-keys.ts'
import { readScriptAnswer, type ScriptAnswer } from './script-answer.ts'

export type LimitRedis = Pick<Redis, 'available' | 'namespace' | 'script' | 'whenTurnEnds'>

export interface RedisLimitStoreOptions {
  readonly redis: LimitRedis
  /** The process's own store: what Redis admits is counted there too. */
  readonly own: MemoryLimitStore
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly observer: Pick<LimitObserver, 'storeFailed' | 'storeError'>
  /** Epoch milliseconds instead of Redis's own: for tests that move time. */
  readonly redisTime?: () => number
}

/** Settlements wait this long for an admission to go along with. */
const GATHER_MS = 5
const KEEP_ALIVE_MS = HOLDER_TTL_MS / 4
/** A script keeps Redis from all else while it runs: changes of more keys, or more calls, go in several. */
const MAX_CHANGES = 500
const MAX_CALLS = 50
/**
 * A message that reaches Redis later than this is void: the call has gone on without its answer, and its costs may
 * stand in the ledger's totals already.
 */
const MESSAGE_LIFE_MS = 1_000
/** Answers that were under way for longer say too little about Redis's clock. */
const PROMPT_MS = 100

/** A call that waits to be admitted. */
interface Asked {
  readonly message: AdmitMessage
  readonly answered: (answer: AdmitAnswer) => void
  readonly failed: (error: unknown) => void
}

export class RedisLimitStore implements LimitStore {
  readonly mirrored = true
  readonly #redis: LimitRedis
  readonly #own: MemoryLimitStore
  readonly #clock: () => number
  readonly #redisTime: (() => number) | undefined
  readonly #observer: RedisLimitStoreOptions['observer']
  readonly #prefix: string
  readonly #process = randomBytes(8).toString('hex')
  readonly #keepAlive: NodeJS.Timeout
  #generation = 0
  #holder: string
  /** Whether Redis has answered to the present name: it must know it from then on. */
  #known = false
  /** The name under which leases may stand in Redis that this process no longer counts on. */
  #gone: string | undefined
  #stale = false
  readonly #changes = new GatheredChanges()
  /** Asked for in this turn of the event loop: they are sent together when it ends. */
  #asked: Asked[] = []
  #gathering: NodeJS.Timeout | undefined
  /** Redis's clock less ours, by the last answer. */
  #offsetMs: number | undefined
  #underWay: Promise<unknown> = Promise.resolve()

  constructor({ redis, own, clock, observer, redisTime }: RedisLimitStoreOptions) {
    this.#redis = redis
    this.#own = own
    this.#clock = clock
    this.#observer = observer
    this.#redisTime = redisTime
    this.#prefix = `${redis.namespace}{sluice:limits}:`
    this.#holder = `${this.#process}.0`
    this.#keepAlive = setInterval(() => this.#send(), KEEP_ALIVE_MS)
    this.#keepAlive.unref()
  }

  get available(): boolean {
    return this.#redis.available
  }

  admit(message: AdmitMessage): Promise<AdmitAnswer> {
    if (this.#changes.size > MAX_CHANGES || this.#asked.length === MAX_CALLS) this.#send()
    if (this.#asked.length === 0) this.#redis.whenTurnEnds(this.#turnEnded)
    return new Promise((answered, failed) => {
      this.#asked.push({ message, answered, failed })
    })
  }

  settle(settlement: Settlement): void {
    if (!this.#redis.available) {
      // What was held is stated anew when Redis is back; what was spent comes with the next call that asks.
      this.#stale = true
      return
    }
    for (const [index, ask] of settlement.asks.entries())
      this.#settleAsk(ask, settlement.accounts[index], settlement)
    if (this.#changes.size > 0) this.#gathering ??= setTimeout(() => this.#gathered(), GATHER_MS)
  }

  /** Sends what waits, and resolves when Redis has answered to all that was sent, or failed to. */
  async flush(): Promise<void> {
    this.#send()
    await this.#underWay
  }

  /** Sends what waits. What is still held is free soon, for this process no longer says that it is alive. */
  async close(): Promise<void> {
    clearInterval(this.#keepAlive)
    if (this.#redis.available) await this.flush()
    clearTimeout(this.#gathering)
  }

  #settleAsk(ask: ScopeAsk, account: string | undefined, settlement: Settlement): void {
    const changes = this.#changes
    if (ask.parallelRequests !== undefined) changes.addParallel(ask.scope, -1)
    if (ask.tokensPerMinute !== undefined) {
      const { second, tokens, tokensReserved } = settlement
      changes.addTokens(ask.scope, second ?? 0, second === undefined ? tokens : tokens - tokensReserved)
    }
    if (ask.budget !== undefined && settlement.costReserved !== 0n)
      changes.addReserved(ask.budget.account, -settlement.costReserved)
    if (account !== undefined && settlement.cost !== 0n) changes.addSettled(account, settlement.cost)
  }

  /** States under the present name what a call holds that was admitted under one that is no more. */
  #holdAll({ asks, cost }: AdmitMessage): void {
    for (const ask of asks) {
      if (ask.parallelRequests !== undefined) this.#changes.addParallel(ask.scope, 1)
      if (ask.budget !== undefined) this.#changes.addReserved(ask.budget.account, cost)
    }
  }

  readonly #turnEnded = (): void => {
    if (this.#asked.length > 0) this.#send()
  }

  /** Takes a new name, under which all that this process holds is stated. */
  #beginAnew(): void {
    this.#stale = false
    this.#known = false
    this.#gone = this.#holder
    this.#generation += 1
    this.#holder = `${this.#process}.${this.#generation}`
    this.#changes.forgetHeld()
    const { parallel, reserved } = this.#own.held()
    for (const [scope, count] of parallel) this.#changes.addParallel(scope, count)
    for (const [account, amount] of reserved) this.#changes.addReserved(account, amount)
  }

  #gathered(): void {
    this.#gathering = undefined
    if (this.#changes.size > 0) this.#send()
  }

  #send(): void {
    if (!this.#redis.available) {
      this.#stale = true
      this.#changes.clear()
      for (const { failed } of this.#asked.splice(0))
        failed(new RedisUnavailableError('Redis is not available'))
      return
    }
    if (this.#stale) this.#beginAnew()
    do {
      // A call is decided when all is known that this process holds.
      const calls = this.#changes.size > MAX_CHANGES ? 0 : MAX_CALLS
      this.#underWay = this.#tell(this.#asked.splice(0, calls))
    } while (this.#changes.size > 0 || this.#asked.length > 0)
  }

  /** Never rejects: each call is told what came of it. */
  async #tell(asked: readonly Asked[]): Promise<void> {
    const holder = this.#holder
    const calls = asked.map(({ message }) => message)
    const kinds = new CallKinds(calls)
    const sentAtMs = this.#clock()
    try {
      const answer = readScriptAnswer(await this.#sendMessage(calls, kinds, sentAtMs), calls)
      this.#answered(holder, answer, this.#clock() - sentAtMs)
      if (answer.answers === undefined) throw new RedisUnavailableError('Redis took up the message too late')
      this.#countAnswers(holder, asked, kinds, answer.answers)
    } catch (error) {
      // Whether it was counted is not known; its calls go on, and are held by nobody but this process.
      if (holder === this.#holder || asked.length > 0) this.#stale = true
      for (const { failed } of asked) failed(error)
      if (!(error instanceof RedisUnavailableError)) this.#observer.storeError(error)
      if (asked.length === 0) this.#observer.storeFailed('settlement')
    }
  }

  #sendMessage(calls: readonly AdmitMessage[], kinds: CallKinds, sentAtMs: number): Promise<unknown> {
    const keys = new ScriptKeys(this.#prefix, 'holders')
    const body: ScriptMessage = {
      ...(this.#redisTime === undefined ? {} : { now: this.#redisTime() }),
      holder: this.#holder,
      ...(this.#gone === undefined ? {} : { gone: this.#gone }),
      deadline: this.#offsetMs === undefined ? 0 : Math.round(sentAtMs + this.#offsetMs) + MESSAGE_LIFE_MS,
      changes: this.#changes.take(MAX_CHANGES, keys),
      kinds: kinds.list.map(({ asks }) => asks.map((ask) => scriptAsk(ask, keys))),
      calls: calls.map(({ tokens, cost }, index) => [kinds.placeOf(index) + 1, tokens, String(cost)]),
    }
    return this.#redis.script(LIMIT_SCRIPT, keys.list, [JSON.stringify(body)])
  }

  /** What is admitted is counted in the same step in which the name is checked: what is restated is whole either way. */
  #countAnswers(
    holder: string,
    asked: readonly Asked[],
    kinds: CallKinds,
    answers: readonly (AdmitAnswer | Error)[],
  ): void {
    for (const [index, { message, answered, failed }] of asked.entries()) {
      const answer = answers[index]
      if (answer === undefined) continue
      if (answer instanceof Error) {
        this.#stale = true
        failed(answer)
        this.#observer.storeError(answer)
        continue
      }
      if (answer.admitted) {
        kinds.admitted(index, message)
        if (holder !== this.#holder && !this.#stale) this.#holdAll(message)
      }
      answered(answer)
    }
    for (const { asks, taken } of kinds.list) if (taken.calls > 0) this.#own.count(asks, taken)
  }

  #answered(holder: string, { answers, nowMs, fresh }: ScriptAnswer, tookMs: number): void {
    if (this.#offsetMs === undefined || tookMs <= PROMPT_MS || answers === undefined)
      this.#offsetMs = nowMs - this.#clock()
    if (holder !== this.#holder || answers === undefined) return
    this.#gone = undefined
    // A name that Redis had known before was lost with its data, or was silent for too long.
    if (fresh && this.#known) this.#stale = true
    this.#known = true
  }
}

function scriptAsk(ask: ScopeAsk, keys: ScriptKeys): ScriptAsk {
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
