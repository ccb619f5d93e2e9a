/**
 * The life of one call on files or batches: caller and rights, its place in the limits, the provider's answer, and one
 * ending that is recorded like that of a model call. It costs nothing: what a batch costs is booked when it is finished.
 */
import { pipeline } from 'node:stream/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { appendProviderHeaders, headerText, headerValue } from '../calls/answer-headers.ts'
import type { Arrival } from '../calls/arrival.ts'
import { callStart } from '../calls/call-start.ts'
import type { Gateway } from '../calls/gateway.ts'
import type { NodeExchange } from '../calls/node-exchange.ts'
import { toGatewayError } from '../calls/refuse.ts'
import { providerErrorFacts } from '../dialects/index.ts'
import type { Principal } from '../identity/principal.ts'
import type { Reservation } from '../limits/limits.ts'
import { ZERO } from '../money/picodollars.ts'
import type {
  AttemptFacts,
  CallEnd,
  CallError,
  CallStart,
  DeploymentFacts,
  Ending,
} from '../record/call-record.ts'
import { nowMs } from '../record/clock.ts'
import { isLimited } from '../record/scope.ts'
import type { Deployment } from '../routing/deployment.ts'
import type { JournalWaiter } from '../spend/ledger.ts'
import {
  askProvider,
  brokenAnswer,
  readWhole,
  type ProviderAnswer,
  type ProviderRequest,
} from './ask-provider.ts'
import type { BatchServices } from './batch-services.ts'
import { clientGone, isClientGone, isPrematureClose, ProviderRefusal } from './call-errors.ts'
import { factsOfModel } from './choose-deployment.ts'
import { failureOf, writeFailure } from './tell-failure.ts'

/** Files are read from, and written to, the streams of Node's own server. */
export type FileArrival = Arrival<NodeExchange>

/** What a client gets. */
export interface ManagedAnswer {
  readonly body: Buffer | Readable
  readonly contentType: string
  /** Bytes of a body that is streamed, where they are known. */
  readonly contentLength?: string | undefined
  /** Of the provider, for those that go on. */
  readonly headers?: IncomingHttpHeaders
}

const NO_WAITER: JournalWaiter = { onStartJournaled() {}, onEndJournaled() {} }

/**
 * Serves a call: never rejects, whatever goes wrong is told to the client.
 *
 * @param changes true for calls that change something: they are in the call log, the others in metrics and log only.
 */
export async function serveManaged(
  services: BatchServices,
  arrival: FileArrival,
  method: string,
  changes: boolean,
  work: (call: ManagedCall) => Promise<ManagedAnswer>,
): Promise<void> {
  const { identity } = services.gateway
  let principal: Principal | undefined
  let call: ManagedCall | undefined
  try {
    principal = await identity.authenticate(arrival.exchange.headers)
    identity.authorizeRoute(principal, method, arrival.endpoint.route)
    call = new ManagedCall(services, arrival, principal)
    const answer = await work(call)
    if (answer.body instanceof Readable) await call.stream(answer, answer.body)
    call.record('complete', 200, undefined, changes)
    if (!(answer.body instanceof Readable)) call.write(answer, answer.body)
  } catch (error) {
    tellFailure(services.gateway, arrival, principal, call, error, changes)
  } finally {
    call?.giveBack()
  }
}

export class ManagedCall {
  readonly services: BatchServices
  readonly gateway: Gateway
  readonly arrival: FileArrival
  readonly principal: Principal
  readonly #attempts: AttemptFacts[] = []
  #deployment: Deployment | undefined
  #reservation: Reservation | undefined

  constructor(services: BatchServices, arrival: FileArrival, principal: Principal) {
    this.services = services
    this.gateway = services.gateway
    this.arrival = arrival
    this.principal = principal
  }

  get attempts(): readonly AttemptFacts[] {
    return this.#attempts
  }

  get start(): CallStart {
    const model = this.#deployment?.facts.modelGroup
    return callStart(this.arrival, this.principal, model === undefined ? undefined : factsOfModel(model))
  }

  /** From here on the call is one of this deployment's. */
  useDeployment(deployment: Deployment): void {
    this.#deployment = deployment
  }

  /**
   * Takes a place in the limits of all that the call counts for: a caller whose budget is spent can neither upload
   * nor begin a batch.
   * @throws LimitError (as rejection).
   */
  async takePlace(deployment: Deployment): Promise<void> {
    this.useDeployment(deployment)
    const { start } = this
    const group = deployment.facts.modelGroup
    const scopes = await this.gateway.identity.callScopes(this.principal, start.endUser, start.tags, group)
    const limited = [...scopes, ...deployment.scopes].filter(isLimited)
    if (limited.length === 0) return
    this.#reservation = await this.gateway.limits.admit({
      callId: start.callId,
      atMs: nowMs(),
      scopes: limited,
      modelGroup: group,
      price: deployment.price,
      inputTokens: 0,
      maxOutputTokens: 0,
    })
  }

  giveBack(): void {
    this.#reservation?.settle(0, ZERO)
    this.#reservation = undefined
  }

  /**
   * Asks the deployment's provider.
   * @throws GatewayError when it gives no answer, or one that breaks off; its refusal as it is.
   */
  async ask(deployment: Deployment, request: Omit<ProviderRequest, 'callId'>): Promise<ProviderAnswer> {
    this.useDeployment(deployment)
    const startedAtMs = nowMs()
    const attempt = (httpStatus: number | undefined, errorClass: string | undefined): void => {
      const endedAtMs = nowMs()
      this.#attempts.push({ deployment: deployment.facts, startedAtMs, endedAtMs, httpStatus, errorClass })
    }
    let answer: ProviderAnswer
    try {
      answer = await askProvider(this.gateway, deployment, { ...request, callId: this.arrival.callId })
    } catch (error) {
      attempt(undefined, toGatewayError(error).kind.errorClass)
      throw error
    }
    if (answer.status >= 200 && answer.status < 300) {
      attempt(answer.status, undefined)
      return answer
    }
    const body = await readWhole(answer)
    const { errorClass } = providerErrorFacts(
      'openai',
      answer.status,
      body,
      headerText(answer.headers['content-type']),
    )
    attempt(answer.status, errorClass)
    throw new ProviderRefusal(answer.status, body, answer.headers)
  }

  /** Asks for an object, and reads it whole. */
  async askObject(deployment: Deployment, request: Omit<ProviderRequest, 'callId'>): Promise<Buffer> {
    return await readWhole(await this.ask(deployment, request))
  }

  /** Sends an answer on as it arrives. @throws what broke it off. */
  async stream({ contentType, contentLength, headers }: ManagedAnswer, body: Readable): Promise<void> {
    const { response } = this.arrival.exchange
    const list = this.#head(contentType, headers)
    if (contentLength !== undefined) list.push('content-length', contentLength)
    response.writeHead(200, list)
    try {
      await pipeline(body, response)
    } catch (error) {
      throw isPrematureClose(error) ? clientGone(error) : brokenAnswer(error)
    }
  }

  write({ contentType, headers }: ManagedAnswer, body: Buffer): void {
    const { response } = this.arrival.exchange
    if (response.destroyed) return
    response.writeHead(200, [...this.#head(contentType, headers), 'content-length', String(body.length)])
    response.end(body)
  }

  record(ending: Ending, httpStatus: number, error: CallError | undefined, changes: boolean): void {
    const { start, gateway } = this
    const end = endOf(ending, httpStatus, error, this.#deployment?.facts, this.#attempts)
    if (changes) gateway.ledger.settle(start, end, NO_WAITER)
    gateway.observer.callSettled(start, end)
  }

  #head(contentType: string, provided: IncomingHttpHeaders | undefined): string[] {
    const list = ['content-type', contentType, ...this.#ownHeaders()]
    if (provided !== undefined) appendProviderHeaders(list, provided, this.#reservation !== undefined)
    return list
  }

  #ownHeaders(): readonly string[] {
    const list = [
      'x-litellm-call-id',
      this.arrival.callId,
      'x-litellm-version',
      this.gateway.settings.version,
    ]
    const facts = this.#deployment?.facts
    if (facts !== undefined) {
      list.push('x-litellm-model-id', headerValue(facts.modelId))
      list.push('x-litellm-model-group', headerValue(facts.modelGroup))
      list.push('x-litellm-model-api-base', facts.apiBase)
    }
    return [...list, ...(this.#reservation?.headers ?? [])]
  }
}

function tellFailure(
  gateway: Gateway,
  arrival: FileArrival,
  principal: Principal | undefined,
  call: ManagedCall | undefined,
  error: unknown,
  changes: boolean,
): void {
  if (call !== undefined && isClientGone(error)) return call.record('client_gone', 499, undefined, changes)
  const failure = failureOf(gateway, arrival, call?.attempts ?? [], error)
  const { ending, status, told } = failure
  if (call !== undefined) call.record(ending, status, told, changes)
  else recordUnserved(gateway, callStart(arrival, principal, undefined), status, told)
  writeFailure(arrival, failure, gateway.settings.version)
}

/** The call of a caller that is not known, or may not do this: only counted, so that nobody can fill the database. */
function recordUnserved(gateway: Gateway, start: CallStart, status: number, error: CallError): void {
  gateway.observer.callSettled(start, endOf('refused', status, error, undefined, []))
}

function endOf(
  ending: Ending,
  httpStatus: number,
  error: CallError | undefined,
  deployment: DeploymentFacts | undefined,
  attempts: readonly AttemptFacts[],
): CallEnd {
  const last = attempts.at(-1)
  return {
    ending,
    httpStatus,
    endedAtMs: nowMs(),
    deployment,
    attempts,
    providerStartedAtMs: last?.startedAtMs,
    firstContentAtMs: undefined,
    providerEndedAtMs: last?.endedAtMs,
    usage: undefined,
    usageSource: 'none',
    cost: ZERO,
    priced: true,
    error,
    requestBody: undefined,
    responseBody: undefined,
  }
}
