/**
 * One admitted model call, from its first attempt to its settlement. It owns the client's side of the connection and
 * the decisions between attempts. Its life: start journaled → attempts → (content goes to the client) → end journaled
 * → last bytes to the client.
 */
import type { CachedAnswer } from '../cache/cached-answer.ts'
import { MAX_ANSWER_BYTES, type CacheQuestion } from '../cache/response-cache.ts'
import type { RequestFacts, StreamTap } from '../dialects/dialect.ts'
import type { JsonMembers } from '../dialects/json-members.ts'
import { wrapForeignError } from '../dialects/index.ts'
import type { Principal } from '../identity/principal.ts'
import type { Reservation } from '../limits/limits.ts'
import { ZERO } from '../money/picodollars.ts'
import type { AttemptFacts, CallStart, Ending } from '../record/call-record.ts'
import { nowMs } from '../record/clock.ts'
import type { Scope } from '../record/scope.ts'
import type { Deployment } from '../routing/deployment.ts'
import type { DeploymentPool } from '../routing/deployment-pool.ts'
import { retryDelayMs } from '../routing/retry.ts'
import type { JournalWaiter } from '../spend/ledger.ts'
import { newSpanId } from '../telemetry/traces/trace-context.ts'
import { farewellOf, keepAnswer } from './answer-from-cache.ts'
import type { Arrival } from './arrival.ts'
import { Attempt, type AttemptOwner, type StreamSink } from './attempt.ts'
import type { HeldBody } from './body-room.ts'
import { failureOfForeignAnswer, type AttemptFailure } from './attempt-failure.ts'
import { headerText } from './answer-headers.ts'
import type { ClientExchange, ClientWatcher } from './client-exchange.ts'
import { NOTHING, sayFarewell, type Farewell } from './farewell.ts'
import type { CallSettings, Gateway } from './gateway.ts'
import { KeptAnswer, MAX_LOGGED_BYTES } from './kept-answer.ts'
import { withoutSecrets } from './redact-failure.ts'
import { toGatewayError } from './refuse.ts'
import { isOfDeployment, reserveDeployment, type Place, type PlaceRequest } from './reserve.ts'
import { dispatchAttempt } from './send.ts'
import { StreamKeepAlive } from './stream-keep-alive.ts'
import { estimateAtStart, report, settle, type Outcome } from './settle.ts'
import { timerMs } from './timer-ms.ts'
import { writeStreamHead } from './write-answer.ts'

const NO_RESERVATIONS: readonly Reservation[] = []

export class Call implements JournalWaiter, AttemptOwner, StreamSink, ClientWatcher {
  readonly gateway: Gateway
  readonly settings: CallSettings
  readonly arrival: Arrival
  readonly principal: Principal
  /** Bytes of the request's body. */
  readonly bodyLength: number
  readonly facts: RequestFacts
  readonly start: CallStart
  readonly stream: boolean
  /** What the call wants of the response cache. */
  readonly question: CacheQuestion | undefined
  /** Request and answer are held for the call's trace. */
  readonly holdsContent: boolean
  #members: JsonMembers | undefined
  readonly #held: HeldBody
  readonly #place: Place
  readonly #request: PlaceRequest
  #candidates: DeploymentPool
  /** What the call holds of limits: of its caller, and of each deployment that it went to. */
  #reservations: readonly Reservation[]
  readonly #exchange: ClientExchange
  readonly #attempts: AttemptFacts[] = []
  #attempt: Attempt | undefined
  #triesBegun = 0
  #timer: NodeJS.Timeout | undefined
  #keepAlive: StreamKeepAlive | undefined
  #deployment: Deployment
  #headSent = false
  #clientGone = false
  #settled = false
  #farewell: Farewell = NOTHING
  #outcome: Outcome | undefined
  #cached: CachedAnswer | undefined
  /** The answer's bytes, kept only where prompts are stored or answers are cached. */
  readonly #kept: KeptAnswer | undefined

  constructor(
    gateway: Gateway,
    arrival: Arrival,
    principal: Principal,
    members: JsonMembers,
    held: HeldBody,
    request: PlaceRequest,
    place: Place,
    question: CacheQuestion | undefined,
  ) {
    this.gateway = gateway
    this.settings = gateway.settings
    this.arrival = arrival
    this.principal = principal
    this.#members = members
    this.bodyLength = members.body.length
    this.#held = held
    this.facts = request.facts
    this.start = request.start
    this.stream = request.facts.stream
    this.question = question
    this.#request = request
    this.#place = place
    this.#reservations = place.reservation === undefined ? NO_RESERVATIONS : [place.reservation]
    this.#candidates = request.admission.candidates
    this.#deployment = place.deployment
    this.#exchange = arrival.exchange
    this.holdsContent = request.start.trace?.sampled === true && gateway.tracing?.holdsContent === true
    if (gateway.settings.storePrompts || this.holdsContent) this.#kept = new KeptAnswer(MAX_LOGGED_BYTES)
    else if (question?.mayKeep === true) this.#kept = new KeptAnswer(MAX_ANSWER_BYTES)
  }

  /**
   * The request's members.
   * @throws Error when its body was let go: it is there until the answer's first content, and to the end where prompts
   *   are kept.
   */
  get members(): JsonMembers {
    if (this.#members === undefined) throw new Error('the body of this request is not held any more')
    return this.#members
  }

  /** Forgets the request's body, and frees its room for others. */
  #letBodyGo(): void {
    this.#members = undefined
    this.#held.letGo()
  }

  get maxAnswerBytes(): number {
    return this.settings.maxAnswerBytes
  }

  /** All that the call's cost is counted for. */
  get scopes(): readonly Scope[] {
    return this.#place.scopes
  }

  get modelGroup(): string {
    return this.#request.admission.group.name
  }

  get reservations(): readonly Reservation[] {
    return this.#reservations
  }

  /** The answer from the response cache, when it is one. */
  get cached(): CachedAnswer | undefined {
    return this.#cached
  }

  get deployment(): Deployment {
    return this.#deployment
  }

  get attempts(): readonly AttemptFacts[] {
    return this.#attempts
  }

  /** Tries after the first one. */
  get retries(): number {
    return Math.max(0, this.#triesBegun - 1)
  }

  /** Begins: journal first, then the provider. */
  begin(): void {
    if (this.#settled) return
    if (this.arrival.endpoint.dialect.unbilled) return this.#tryDeployment(this.#deployment)
    this.gateway.ledger.start(this.start, this.#deployment.facts, estimateAtStart(this), this)
  }

  /** Ends with an answer from the cache: no provider is called, and nothing is paid. */
  answerFrom(cached: CachedAnswer): void {
    if (this.#settled) return
    this.#cached = cached
    this.#kept?.add(cached.body)
    this.#settle('complete', 200, undefined, farewellOf(cached), cached.usage)
  }

  onStartJournaled(): void {
    if (this.#settled) return
    this.#tryDeployment(this.#deployment)
  }

  openTap(): StreamTap {
    const facts = this.settings.alwaysIncludeStreamUsage
      ? { ...this.facts, asksStreamUsage: true }
      : this.facts
    return this.arrival.endpoint.dialect.openStream(facts)
  }

  /** The client's connection closed before the answer was whole. */
  clientClosed(): void {
    if (this.#settled || this.#clientGone) return
    this.#clientGone = true
    this.#keepAlive?.stop()
    const attempt = this.#attempt
    if (attempt !== undefined && !this.settings.cancelOnDisconnect) {
      this.#requestIsDone()
      return attempt.resume()
    }
    if (attempt !== undefined) {
      attempt.abort()
      this.#attempts.push(attempt.facts(undefined))
    }
    this.#settle('client_gone', 499, undefined, NOTHING)
  }

  clientDrained(): void {
    this.#attempt?.resume()
  }

  attemptContent(attempt: Attempt): StreamSink {
    this.#armTimer(attempt.deployment.timeoutMs - (nowMs() - this.arrival.arrivedAtMs))
    if (this.#clientGone) return this
    this.#headSent = true
    this.#requestIsDone()
    writeStreamHead(this, attempt)
    const { keepAliveMs } = this.settings
    if (keepAliveMs !== undefined) this.#keepAlive = new StreamKeepAlive(this.#exchange, keepAliveMs)
    return this.#kept === undefined && this.#keepAlive === undefined ? this.#exchange : this
  }

  /** Takes a stream that is kept on its way to the client, or that gets comments where it is silent. */
  write(chunk: string): boolean {
    this.#kept?.add(Buffer.from(chunk, 'latin1'))
    if (this.#clientGone) return true
    this.#keepAlive?.sent(chunk)
    return this.#exchange.write(chunk)
  }

  attemptAnswered(attempt: Attempt, body: Buffer): void {
    const contentType = headerText(attempt.headers['content-type'])
    const answer = this.arrival.endpoint.dialect.readAnswer(body)
    const json = contentType === undefined || contentType.includes('json')
    if (answer.isError || !json)
      return this.attemptFailed(attempt, failureOfForeignAnswer(contentType, answer.isError))
    attempt.answer = answer
    this.#attempts.push(attempt.facts(undefined))
    this.#kept?.add(body)
    const farewell: Farewell = {
      kind: 'whole',
      status: attempt.status,
      contentType: contentType ?? 'application/json',
      body,
    }
    this.#settle(
      this.#clientGone ? 'client_gone' : 'complete',
      attempt.status,
      undefined,
      farewell,
      answer.usage,
    )
  }

  attemptStreamed(attempt: Attempt, held: string): void {
    this.#attempts.push(attempt.facts(undefined))
    const tail = Buffer.from(held, 'latin1')
    this.#kept?.add(tail)
    const farewell: Farewell = { kind: 'stream', tail, error: undefined }
    this.#settle(
      this.#clientGone ? 'client_gone' : 'complete',
      attempt.status,
      undefined,
      farewell,
      attempt.tap?.usage,
    )
  }

  attemptFailed(attempt: Attempt, failure: AttemptFailure): void {
    this.#attempts.push(attempt.facts(failure.errorClass))
    if (this.#settled) return
    if (this.#clientGone) {
      return this.#settle('client_gone', 499, undefined, NOTHING, attempt.tap?.usage, failure.ending)
    }
    if (!this.#headSent && failure.retryable && this.#retry(failure)) return
    this.#giveUp(attempt, withoutSecrets(failure, this.gateway.redact))
  }

  onEndJournaled(): void {
    const outcome = this.#outcome
    if (outcome === undefined) return
    const isTold = !this.#clientGone && this.#sayFarewell(outcome)
    report(this, outcome)
    const attempt = this.#attempt
    if (isTold && this.question?.mayKeep === true && attempt !== undefined && this.#kept !== undefined)
      keepAnswer(this, this.question, attempt, outcome, this.#kept)
  }

  /** @returns false when the client could not be told. */
  #sayFarewell(outcome: Outcome): boolean {
    try {
      sayFarewell(this, this.#attempt, outcome, this.#farewell)
      return true
    } catch (error) {
      // The call is booked; a client that cannot be told its end must not be left waiting for it.
      this.gateway.observer.reportFailed('answer', error)
      this.#exchange.cut()
      return false
    }
  }

  #tryDeployment(deployment: Deployment): void {
    this.#deployment = deployment
    this.#triesBegun += 1
    const attempt = new Attempt(this, deployment, this.start.trace === undefined ? undefined : newSpanId())
    this.#attempt = attempt
    const left = deployment.timeoutMs - (nowMs() - this.arrival.arrivedAtMs)
    const first = this.stream ? (deployment.streamTimeoutMs ?? left) : left
    this.#armTimer(Math.min(left, first))
    dispatchAttempt(this, attempt)
  }

  #retry(failure: AttemptFailure): boolean {
    if (this.#attempts.length > this.settings.retries) return false
    const next = this.#candidates.pick(this.#attempts, Math.random())
    if (next === undefined) return false
    const another = !this.#attempts.some((attempt) => attempt.deployment === next.facts)
    const delayMs = retryDelayMs(
      this.#attempts.length,
      failure.retryAfterMs,
      another,
      this.settings.retryAfterMs,
      Math.random(),
    )
    const leftMs = next.timeoutMs - (nowMs() - this.arrival.arrivedAtMs)
    if (delayMs === undefined || delayMs >= leftMs) return false
    this.#attempt = undefined
    clearTimeout(this.#timer)
    this.#timer = setTimeout(retryCall, delayMs, this, next)
    return true
  }

  retryWith(deployment: Deployment): void {
    if (this.#settled || this.#clientGone) return
    if (deployment === this.#deployment) return this.#tryDeployment(deployment)
    for (const reservation of this.#reservations) reservation.leaveDeployment()
    if (deployment.scopes.length === 0) return this.#tryDeployment(deployment)
    reserveDeployment(this.gateway, this.#request, deployment).then(
      (reservation) => this.#movedTo(deployment, reservation),
      (error: unknown) => this.#couldNotMoveTo(deployment, error),
    )
  }

  #movedTo(deployment: Deployment, reservation: Reservation | undefined): void {
    // The client may have left while the limits were asked: the call is settled, and this reservation is not needed.
    if (this.#settled || this.#clientGone) return reservation?.settle(0, ZERO)
    if (reservation !== undefined) this.#reservations = [...this.#reservations, reservation]
    this.#tryDeployment(deployment)
  }

  /** Goes to a deployment that is not at its limit, or ends the call when there is none. */
  #couldNotMoveTo(deployment: Deployment, cause: unknown): void {
    if (this.#settled || this.#clientGone) return
    this.#candidates = this.#candidates.without(deployment)
    const next = isOfDeployment(cause) ? this.#candidates.pick(this.#attempts, Math.random()) : undefined
    if (next !== undefined) return this.retryWith(next)
    const error = toGatewayError(cause)
    const told: Outcome['error'] = {
      errorClass: error.kind.errorClass,
      httpStatus: error.status,
      message: this.gateway.redact(error.message).slice(0, 2_000),
      provider: undefined,
    }
    this.#settle('provider_error', error.status, told, { kind: 'error', error })
  }

  #giveUp(attempt: Attempt, failure: AttemptFailure): void {
    const error = this.#errorOf(attempt, failure)
    if (this.#headSent) {
      const tail = Buffer.from(failure.tail, 'latin1')
      this.#kept?.add(tail)
      const farewell: Farewell = {
        kind: 'stream',
        tail,
        error: failure.toldInStream ? undefined : failure.error,
      }
      return this.#settle(failure.ending, attempt.status, error, farewell, attempt.tap?.usage)
    }
    if (failure.refusal === undefined) {
      return this.#settle(failure.ending, failure.error.status, error, {
        kind: 'error',
        error: failure.error,
      })
    }
    const contentType = headerText(attempt.headers['content-type'])
    const refusal = wrapForeignError(
      this.arrival.endpoint.dialect.family,
      attempt.status,
      failure.refusal,
      contentType,
    )
    this.#kept?.add(refusal.body)
    const farewell: Farewell = { kind: 'whole', status: attempt.status, ...refusal }
    this.#settle(failure.ending, attempt.status, error, farewell)
  }

  #errorOf(attempt: Attempt, failure: AttemptFailure): Outcome['error'] {
    return {
      errorClass: failure.errorClass,
      httpStatus: attempt.answered ? attempt.status : failure.error.status,
      message: this.gateway.redact(failure.message).slice(0, 2_000),
      provider: attempt.deployment.facts.provider,
    }
  }

  #settle(
    ending: Ending,
    httpStatus: number,
    error: Outcome['error'],
    farewell: Farewell,
    usage?: Outcome['usage'],
    providerEnding?: Ending,
  ): void {
    if (this.#settled) return
    this.#settled = true
    clearTimeout(this.#timer)
    this.#keepAlive?.stop()
    this.#farewell = farewell
    const kept = this.#kept
    this.#outcome = settle(this, this.#attempt, { ending, httpStatus, error, usage, kept, providerEnding })
    this.#letBodyGo()
  }

  /** No other provider will be asked. */
  #requestIsDone(): void {
    if (!this.settings.storePrompts && !this.holdsContent) this.#letBodyGo()
  }

  #armTimer(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(expireCall, timerMs(ms), this)
  }

  /** The call's own time has run out, whatever the provider does. */
  expire(): void {
    const attempt = this.#attempt
    if (this.#settled || attempt === undefined) return
    const error = Object.assign(new Error('the time for this call has run out'), {
      code: attempt.firstContentAtMs === undefined ? 'FIRST_CONTENT_TIMEOUT' : 'CALL_TIMEOUT',
    })
    attempt.fail(error)
  }
}

function expireCall(call: Call): void {
  call.expire()
}

function retryCall(call: Call, deployment: Deployment): void {
  call.retryWith(deployment)
}
