/**
 * Limits that processes count together in Redis. Each process holds what its calls have taken under a name of its own
 * that it keeps alive; the process's own store knows the same, so that after a loss (of an answer, of Redis's data, of
 * the name by a long pause) all is stated anew under a new name, and nothing is counted twice or lost.
 */
import { randomBytes } from 'node:crypto'
import { RedisUnavailableError, type Redis } from '../redis/redis.ts'
import { RedisAdvances, type AdvanceQuestion } from './advances/redis-advances.ts'
import type { Marks } from './advances/known-spend.ts'
import { CallKinds } from './call-kinds.ts'
import { GatheredChanges } from './gathered-changes.ts'
import { HOLDER_TTL_MS, LIMIT_SCRIPT } from './limit-script.ts'
import type { LimitObserver } from './limit-observer.ts'
import type { AdmitAnswer, AdmitMessage, LimitStore, ScopeAsk, Settlement } from './limit-store.ts'
import { amountsOf, type MemoryLimitStore } from './memory-store.ts'
import { readScriptAnswer, type Later, type ScriptAnswer } from './script-answer.ts'
import { ScriptKeys } from './script-keys.ts'
import { scriptAdvances, scriptAsk, scriptCalls, type ScriptMessage } from './script-message.ts'

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
  /** Of so many of its asks, the first ones, this process has given back what it had in advance. */
  readonly givenBack: number
  /** Of so many the last word is asked for: others have given back what they had. */
  readonly lastWords: number
  readonly answered: (answer: AdmitAnswer) => void
  readonly failed: (error: unknown) => void
}

/** A message with its calls, for its answer. */
interface Told {
  readonly holder: string
  readonly number: number
  readonly asked: readonly Asked[]
  readonly kinds: CallKinds
  readonly marks: readonly (Marks | undefined)[]
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
  readonly #advances: RedisAdvances
  /** Asked for in this turn of the event loop: they are sent together when it ends. */
  #asked: Asked[] = []
  #gathering: NodeJS.Timeout | undefined
  /** Redis's clock less ours, by the last answer. */
  #offsetMs: number | undefined
  /** In Redis's time, of the last answer: its clock is not behind that. */
  #second = 0
  /** Messages so far, and how many of them had gone when this process last gave back calls that it had in advance. */
  #sent = 0
  #gaveBackAfter = 0
  #underWay: Promise<unknown> = Promise.resolve()

  constructor({ redis, own, clock, observer, redisTime }: RedisLimitStoreOptions) {
    this.#redis = redis
    this.#own = own
    this.#clock = clock
    this.#observer = observer
    this.#redisTime = redisTime
    this.#prefix = `${redis.namespace}{sluice:limits}:`
    this.#holder = `${this.#process}.0`
    this.#advances = new RedisAdvances({
      changes: this.#changes,
      clock,
      secondOf: (nowMs) => Math.max(this.#second, Math.floor((nowMs + (this.#offsetMs ?? 0)) / 1000)),
      onQuestion: () => redis.whenTurnEnds(this.#turnEnded),
      onTick: () => this.#gathered(),
      onGivenBack: () => {
        this.#gaveBackAfter = this.#sent
      },
    })
    this.#keepAlive = setInterval(() => this.#send(), KEEP_ALIVE_MS)
    this.#keepAlive.unref()
  }

  get available(): boolean {
    return this.#redis.available
  }

  admit(message: AdmitMessage): AdmitAnswer | Promise<AdmitAnswer> {
    const inAdvance = this.#advances.take(message)
    if (inAdvance === undefined) return this.#ask(message)
    this.#own.count(message.asks, amountsOf(message, 1))
    return inAdvance
  }

  settle(settlement: Settlement): void {
    if (!this.#redis.available) {
      // What was held is stated anew when Redis is back; what was spent comes with the next call that asks.
      this.#loseTrack()
      return
    }
    const isToldSoon = this.#advances.settled(settlement)
    for (const [index, ask] of settlement.asks.entries())
      this.#settleAsk(ask, settlement.accounts[index], settlement)
    if (!isToldSoon && this.#changes.size > 0)
      this.#gathering ??= setTimeout(() => this.#gathered(), GATHER_MS)
  }

  /** Sends what waits, and resolves when Redis has answered to all that was sent, or failed to. */
  async flush(): Promise<void> {
    this.#send()
    await this.#underWay
  }

  /** Sends what waits. What is still held is free soon, for this process no longer says that it is alive. */
  async close(): Promise<void> {
    clearInterval(this.#keepAlive)
    this.#advances.close()
    if (this.#redis.available) await this.flush()
    // What was granted meanwhile is given back.
    if (this.#changes.size > 0) await this.flush()
    clearTimeout(this.#gathering)
  }

  #ask(message: AdmitMessage): Promise<AdmitAnswer> {
    return new Promise((answered, failed) =>
      this.#push({ message, givenBack: 0, lastWords: 0, answered, failed }),
    )
  }

  #push(asked: Asked): void {
    if (this.#changes.size > MAX_CHANGES || this.#asked.length === MAX_CALLS) this.#send()
    if (this.#asked.length === 0) this.#redis.whenTurnEnds(this.#turnEnded)
    this.#asked.push(asked)
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
    if (this.#asked.length > 0 || this.#advances.hasQuestions) this.#send()
  }

  /** What this process holds in Redis is not known any more, or will not be. */
  #loseTrack(isDataLost = false): void {
    this.#stale = true
    this.#advances.drop(isDataLost)
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
    clearTimeout(this.#gathering)
    this.#gathering = undefined
    if (this.#changes.size > 0) this.#send()
  }

  #send(): void {
    if (!this.#redis.available) {
      this.#loseTrack()
      this.#changes.clear()
      for (const { failed } of this.#asked.splice(0))
        failed(new RedisUnavailableError('Redis is not available'))
      return
    }
    if (this.#stale) this.#beginAnew()
    do {
      // A call is decided when all is known that this process holds.
      const calls = this.#changes.size > MAX_CHANGES ? 0 : MAX_CALLS
      this.#underWay = this.#tell(this.#asked.splice(0, calls), this.#advances.questions(calls))
    } while (this.#changes.size > 0 || this.#asked.length > 0 || this.#advances.hasQuestions)
  }

  /** Never rejects: each call is told what came of it. */
  async #tell(asked: readonly Asked[], questions: readonly AdvanceQuestion[]): Promise<void> {
    const holder = this.#holder
    const number = (this.#sent += 1)
    const calls = asked.map(({ message }) => message)
    const advances = questions.map(({ message }) => message)
    const kinds = new CallKinds([...calls, ...advances])
    const marks = calls.map(({ asks }) => this.#advances.asked(asks))
    const sentAtMs = this.#clock()
    try {
      const sent = this.#sendMessage(asked, questions, kinds, sentAtMs)
      const answer = readScriptAnswer(await sent, calls, advances)
      this.#answered(holder, answer, this.#clock() - sentAtMs)
      if (answer.answers === undefined) throw new RedisUnavailableError('Redis took up the message too late')
      this.#countAnswers({ holder, number, asked, kinds, marks }, answer.answers)
      for (const [index, question] of questions.entries()) {
        const advanced = answer.advances[index]
        // What was granted is held, and not known.
        if (advanced instanceof Error) this.#loseTrack()
        else if (advanced !== undefined) this.#advances.answered(question, advanced, sentAtMs)
      }
    } catch (error) {
      // Whether it was counted is not known; its calls go on, and are held by nobody but this process.
      if (holder === this.#holder || asked.length > 0) this.#loseTrack()
      for (const { failed } of asked) failed(error)
      if (!(error instanceof RedisUnavailableError)) this.#observer.storeError(error)
      if (asked.length === 0) this.#observer.storeFailed('settlement')
    }
  }

  #sendMessage(
    asked: readonly Asked[],
    questions: readonly AdvanceQuestion[],
    kinds: CallKinds,
    sentAtMs: number,
  ): Promise<unknown> {
    const keys = new ScriptKeys(this.#prefix, 'holders')
    const body: ScriptMessage = {
      ...(this.#redisTime === undefined ? {} : { now: this.#redisTime() }),
      holder: this.#holder,
      ...(this.#gone === undefined ? {} : { gone: this.#gone }),
      deadline: this.#offsetMs === undefined ? 0 : Math.round(sentAtMs + this.#offsetMs) + MESSAGE_LIFE_MS,
      changes: this.#changes.take(MAX_CHANGES, keys),
      kinds: kinds.list.map(({ asks }) => asks.map((ask) => scriptAsk(ask, keys))),
      calls: scriptCalls(asked, kinds),
      ...(questions.length === 0 ? {} : { advances: scriptAdvances(questions, asked.length, kinds) }),
    }
    return this.#redis.script(LIMIT_SCRIPT, keys.list, [JSON.stringify(body)])
  }

  /** What is admitted is counted in the same step in which the name is checked: what is restated is whole either way. */
  #countAnswers(
    { holder, number, asked, kinds, marks }: Told,
    answers: readonly (AdmitAnswer | Later | Error)[],
  ): void {
    const again: Asked[] = []
    for (const [index, each] of asked.entries()) {
      const answer = answers[index]
      const { message, answered, failed } = each
      if (answer === undefined) continue
      if (answer instanceof Error) {
        this.#loseTrack()
        failed(answer)
        this.#observer.storeError(answer)
        continue
      }
      const decided = this.#decided(each, number, answer)
      if (decided === undefined) continue
      if ('message' in decided) {
        again.push(decided)
        continue
      }
      if (decided.admitted) {
        kinds.admitted(index, message)
        const known = marks[index]
        if (known !== undefined) this.#advances.admitted(known, decided.uses)
        if (holder !== this.#holder && !this.#stale) this.#holdAll(message)
      }
      answered(decided)
    }
    for (const { asks, taken } of kinds.list) if (taken.calls > 0) this.#own.count(asks, taken)
    for (const each of again) this.#push(each)
  }

  /**
   * What refuses a call may be in advance: of this process, which gives it back at once, or of others for a moment.
   * @param number of the message that the call went with.
   * @returns the call, when it is to be asked for again at once; undefined when it will be.
   */
  #decided(asked: Asked, number: number, answer: AdmitAnswer | Later): AdmitAnswer | Asked | undefined {
    if ('admitted' in answer && (answer.admitted || answer.ask < asked.givenBack)) return answer
    const upTo = answer.ask + 1
    const scope = asked.message.asks[answer.ask]?.scope
    if (scope !== undefined) this.#advances.giveBack(scope)
    if ('laterMs' in answer) {
      setTimeout(() => this.#push({ ...asked, lastWords: upTo }), answer.laterMs)
      return undefined
    }
    return number <= this.#gaveBackAfter ? { ...asked, givenBack: upTo } : answer
  }

  #answered(holder: string, { answers, nowMs, fresh }: ScriptAnswer, tookMs: number): void {
    if (this.#offsetMs === undefined || tookMs <= PROMPT_MS || answers === undefined)
      this.#offsetMs = nowMs - this.#clock()
    this.#second = Math.floor(nowMs / 1000)
    if (holder !== this.#holder || answers === undefined) return
    this.#gone = undefined
    // A name that Redis had known before was lost with its data, or was silent for too long.
    if (fresh && this.#known) this.#loseTrack(true)
    this.#known = true
  }
}
