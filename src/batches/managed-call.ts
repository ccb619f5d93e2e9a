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
import { toGatewayError } from '../calls/refuse.ts'
import { providerErrorFacts, wrapForeignError } from '../dialects/index.ts'
import { GatewayError, type ErrorCode } from '../errors/gateway-error.ts'
import type { Principal } from '../identity/principal.ts'
import type { Reservation } from '../limits/limits.ts'
import { ZERO } from '../money/picodollars.ts'
import type { AttemptFacts, CallEnd, CallError, CallStart, Ending } from '../record/call-record.ts'
import { nowMs } from '../record/clock.ts'
import { isLimited } from '../record/scope.ts'
import type { Deployment } from '../routing/deployment.ts'
import type { JournalWaiter } from '../spend/ledger.ts'
import { DatabaseUnreachableError } from '../storage/postgresql.ts'
import {
  askProvider,
  brokenAnswer,
  readWhole,
  type ProviderAnswer,
  type ProviderRequest,
} from './ask-provider.ts'
import type { BatchServices } from './batch-services.ts'
import { factsOfModel } from './choose-deployment.ts'

/** What a client gets. */
export interface ManagedAnswer {
  readonly body: Buffer | Readable
  readonly contentType: string
  /** Bytes of a body that is streamed, where they are known. */
  readonly contentLength?: string | undefined
  /** Of the provider, for those that go on. */
  readonly headers?: IncomingHttpHeaders
}

/** A provider's own refusal: the client gets its status and words. */
class ProviderRefusal extends Error {
  readonly status: number
  readonly body: Buffer
  readonly headers: IncomingHttpHeaders

  constructor(status: number, body: Buffer, headers: IncomingHttpHeaders) {
    super(`the provider answered with status ${status}`)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/** Time that a client gets to read an answer that came before its request was whole. */
const LINGER_MS = 5_000

const NO_WAITER: JournalWaiter = { onStartJournaled() {}, onEndJournaled() {} }

/**
 * Serves a call: never rejects, whatever goes wrong is told to the client.
 *
 * @param changes true for calls that change something: they are in the call log, the others in metrics and log only.
 */
export async function serveManaged(
  services: BatchServices,
  arrival: Arrival,
  method: string,
  changes: boolean,
  work: (call: ManagedCall) => Promise<ManagedAnswer>,
): Promise<void> {
  const { identity } = services.gateway
  let principal: Principal | undefined
  let call: ManagedCall | undefined
  try {
    principal = await identity.authenticate(arrival.request.headers)
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
  readonly arrival: Arrival
  readonly principal: Principal
  readonly #attempts: AttemptFacts[] = []
  #deployment: Deployment | undefined
  #reservation: Reservation | undefined

  constructor(services: BatchServices, arrival: Arrival, principal: Principal) {
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
    const { response } = this.arrival
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
    const { response } = this.arrival
    if (response.destroyed) return
    response.writeHead(200, [...this.#head(contentType, headers), 'content-length', String(body.length)])
    response.end(body)
  }

  record(ending: Ending, httpStatus: number, error: CallError | undefined, changes: boolean): void {
    const last = this.#attempts.at(-1)
    const end: CallEnd = {
      ending,
      httpStatus,
      endedAtMs: nowMs(),
      deployment: this.#deployment?.facts,
      attempts: this.#attempts,
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
    recordEnd(this.gateway, this.start, end, changes)
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

/** Says that the client has left. */
export function clientGone(cause: unknown): Error {
  return Object.assign(new Error('the client closed its connection', { cause }), { code: CLIENT_GONE })
}

const CLIENT_GONE = 'CLIENT_GONE'

/** What a pipeline throws when the client closes its connection before the end. */
function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
}

function isClientGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === CLIENT_GONE
}

function recordEnd(gateway: Gateway, start: CallStart, end: CallEnd, booked: boolean): void {
  if (booked) gateway.ledger.settle(start, end, NO_WAITER)
  gateway.observer.callSettled(start, end)
}

function tellFailure(
  gateway: Gateway,
  arrival: Arrival,
  principal: Principal | undefined,
  call: ManagedCall | undefined,
  error: unknown,
  changes: boolean,
): void {
  if (call !== undefined && isClientGone(error)) return call.record('client_gone', 499, undefined, changes)
  const { ending, status, body, headers, told } = wireOf(gateway, arrival, call, error)
  if (call !== undefined) call.record(ending, status, told, changes)
  else recordUnserved(gateway, arrival, principal, status, told)
  writeFailure(arrival, status, body, headers, gateway.settings.version)
}

interface WireFailure {
  readonly ending: Ending
  readonly status: number
  readonly body: Buffer
  readonly headers: readonly string[]
  readonly told: CallError
}

function wireOf(
  gateway: Gateway,
  arrival: Arrival,
  call: ManagedCall | undefined,
  error: unknown,
): WireFailure {
  if (error instanceof ProviderRefusal) return wireOfRefusal(gateway, call, error)
  const own = asGatewayError(error)
  const wire = arrival.endpoint.dialect.writeError(own, arrival.callId)
  const asked = call !== undefined && call.attempts.length > 0
  return {
    ending: asked ? endingOf(own) : 'refused',
    status: wire.status,
    body: wire.body,
    headers: Object.entries(wire.headers).flat(),
    told: {
      errorClass: own.kind.errorClass,
      httpStatus: wire.status,
      message: gateway.redact(error instanceof Error ? error.message : own.message).slice(0, 2_000),
      provider: asked && endingOf(own) !== 'refused' ? call.attempts.at(-1)?.deployment.provider : undefined,
    },
  }
}

function wireOfRefusal(
  gateway: Gateway,
  call: ManagedCall | undefined,
  { status, body, headers }: ProviderRefusal,
): WireFailure {
  const contentType = headerText(headers['content-type'])
  const facts = providerErrorFacts('openai', status, body, contentType)
  const foreign = wrapForeignError(
    'openai',
    status,
    Buffer.from(gateway.redact(body.toString('utf8'))),
    contentType,
  )
  const list = ['content-type', foreign.contentType]
  appendProviderHeaders(list, headers)
  // A redirect would lead the client past the gateway.
  const told = status < 400 ? 502 : status
  return {
    ending: 'provider_error',
    status: told,
    body: foreign.body,
    headers: list,
    told: {
      errorClass: facts.errorClass,
      httpStatus: told,
      message: gateway.redact(facts.message).slice(0, 2_000),
      provider: call?.attempts.at(-1)?.deployment.provider,
    },
  }
}

function asGatewayError(error: unknown): GatewayError {
  if (!(error instanceof DatabaseUnreachableError)) return toGatewayError(error)
  return new GatewayError('identity_unavailable', 'The database does not answer. Try again shortly.', {
    cause: error,
    retryAfterSeconds: 1,
  })
}

/** Endings that a provider is the cause of; every other error is the gateway's refusal. */
const ENDINGS: ReadonlyMap<ErrorCode, Ending> = new Map([
  ['timeout', 'timeout'],
  ['overloaded', 'timeout'],
  ['provider_cut', 'provider_cut'],
  ['provider_unreachable', 'provider_unreachable'],
  ['provider_bad_answer', 'provider_error'],
])

function endingOf({ code }: GatewayError): Ending {
  return ENDINGS.get(code) ?? 'refused'
}

/** The call of a caller that is not known, or may not do this. */
function recordUnserved(
  gateway: Gateway,
  arrival: Arrival,
  principal: Principal | undefined,
  httpStatus: number,
  error: CallError,
): void {
  const end: CallEnd = {
    ending: 'refused',
    httpStatus,
    endedAtMs: nowMs(),
    deployment: undefined,
    attempts: [],
    providerStartedAtMs: undefined,
    firstContentAtMs: undefined,
    providerEndedAtMs: undefined,
    usage: undefined,
    usageSource: 'none',
    cost: ZERO,
    priced: true,
    error,
    requestBody: undefined,
    responseBody: undefined,
  }
  // A caller that could not be identified must not be able to fill the database.
  recordEnd(gateway, callStart(arrival, principal, undefined), end, principal !== undefined)
}

/** After the head of an answer nothing can be told: the connection is cut, so that the answer does not look whole. */
function writeFailure(
  { request, response, callId }: Arrival,
  status: number,
  body: Buffer,
  headers: readonly string[],
  version: string,
): void {
  if (response.headersSent) return void response.destroy()
  const unread = !request.complete
  response.writeHead(status, [
    ...headers,
    'content-length',
    String(body.length),
    'x-litellm-call-id',
    callId,
    'x-litellm-version',
    version,
    ...(unread ? ['connection', 'close'] : []),
  ])
  if (!unread) return void response.end(body)
  // A client that is still sending reads the answer when it is done, or stops: until then the connection stays open.
  response.write(body)
  const end = (): void => void response.end()
  const timer = setTimeout(end, LINGER_MS)
  request.once('close', () => clearTimeout(timer)).once('end', end)
  request.resume()
}
