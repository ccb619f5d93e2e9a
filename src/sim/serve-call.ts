/** One call to the simulated provider, from its read body to its answer. */
import { hash } from 'node:crypto'
import { NO_USAGE } from '../dialects/usage.ts'
import { answerHeaders, answerWithFault, breakWholeAnswer, sendBody, sendError } from './answer-faults.ts'
import { InstructionError, parseInstruction } from './instructions.ts'
import { planAnswer } from './plan.ts'
import { BadRequestError, isObject } from './sim-request.ts'
import { StreamPlayer } from './stream-player.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FaultCounts } from './fault-counts.ts'
import type { FaultParts } from './answer-faults.ts'
import type { Fault, Instructions } from './instructions.ts'
import type { KnownBodies } from './known-bodies.ts'
import type { Meter, MeterCall } from './meter.ts'
import type { Plan } from './plan.ts'
import type { PromptCache } from './prompt-cache.ts'
import type { SimRequest } from './sim-request.ts'
import type { ProviderError, Wire } from './wire/wire.ts'

/** What calls share. */
export interface ProviderState {
  readonly meter: Meter
  readonly promptCache: PromptCache
  readonly faultCounts: FaultCounts
  readonly knownBodies: KnownBodies
  /** Credentials that are accepted; any, when undefined. */
  readonly credentials: ReadonlySet<string> | undefined
}

export interface ProviderCall {
  readonly wire: Wire
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly body: Buffer
  /** The request in the body, if it was read before. */
  readonly known: SimRequest | undefined
}

const STREAM_ERROR_STATUS = 529

export function serveCall(state: ProviderState, call: ProviderCall): void {
  const { wire, id, request, response } = call
  const callId = callIdOf(request) ?? id
  const meter = state.meter.begin({ callId, simRequestId: id, dialect: wire.dialect })
  const parts: FaultParts = { response, instructions: {}, family: wire.family, id }
  const refusal = refusalOf(state, wire, request)
  if (refusal !== undefined) {
    meter.end('faulted', sendError(parts, refusal))
    return
  }
  try {
    const simRequest = call.known ?? readRequest(state, wire, call.body)
    const instructions = withHeaders(simRequest.instructions, request)
    answerLater(new CallAnswer(state, call, meter, simRequest, instructions))
  } catch (error) {
    meter.end('faulted', sendError(parts, providerErrorOf(error)))
  }
}

/** What cannot be read is the caller's fault; anything else must not end the process that serves it. */
function providerErrorOf(error: unknown): ProviderError {
  if (error instanceof BadRequestError) return { status: 400, message: error.message, param: error.param }
  if (error instanceof InstructionError) return { status: 400, message: `Simulator: ${error.message}.` }
  return { status: 500, message: `Simulator: ${String(error)}` }
}

/** Waits as long as the caller asked before the first byte. */
function answerLater(answer: CallAnswer): void {
  const { latencyMs = 0, firstTokenMs = 0 } = answer.instructions
  const delayMs = answer.simRequest.stream ? latencyMs : latencyMs + firstTokenMs
  if (delayMs === 0) answer.send()
  else answer.sendAfter(delayMs)
}

class CallAnswer {
  readonly instructions: Instructions
  readonly simRequest: SimRequest
  readonly #state: ProviderState
  readonly #call: ProviderCall
  readonly #meter: MeterCall
  readonly #parts: FaultParts

  constructor(
    state: ProviderState,
    call: ProviderCall,
    meter: MeterCall,
    simRequest: SimRequest,
    instructions: Instructions,
  ) {
    this.#state = state
    this.#call = call
    this.#meter = meter
    this.simRequest = simRequest
    this.instructions = instructions
    this.#parts = { response: call.response, instructions, family: call.wire.family, id: call.id }
  }

  sendAfter(delayMs: number): void {
    const { response } = this.#call
    const timer = setTimeout(() => this.send(), delayMs)
    response.once('close', () => {
      clearTimeout(timer)
      this.#meter.end('aborted', 0)
    })
  }

  send(): void {
    const fault = this.#strikingFault()
    if (fault !== undefined && fault.kind !== 'mid') {
      this.#meter.plan(this.simRequest.model, this.simRequest.stream, NO_USAGE)
      this.#meter.end('faulted', answerWithFault(fault, this.#parts))
      return
    }
    const plan = this.#plan()
    this.#meter.plan(plan.request.model, plan.request.stream, plan.usage)
    if (plan.request.stream) this.#stream(plan, fault)
    else this.#sendWhole(plan, fault)
  }

  #plan(): Plan {
    return planAnswer({
      request: this.simRequest,
      instructions: this.instructions,
      prompt: this.#state.promptCache.use(this.simRequest),
      id: this.#call.id,
      createdS: Math.floor(Date.now() / 1_000),
    })
  }

  #strikingFault(): Fault | undefined {
    const { fault, times } = this.instructions
    if (fault === undefined) return undefined
    const key = callIdOf(this.#call.request) ?? hash('sha1', this.#call.body, 'base64')
    return this.#state.faultCounts.strikes(key, times) ? fault : undefined
  }

  #sendWhole(plan: Plan, fault: Extract<Fault, { kind: 'mid' }> | undefined): void {
    const { wire, id, response } = this.#call
    const headers = [...wire.family.headers(id), ...answerHeaders(id)]
    const body = wire.answer(plan)
    if (fault !== undefined) {
      this.#meter.end('faulted', 200)
      breakWholeAnswer(fault.name, this.#parts, headers, body)
      return
    }
    if (wire.dialect !== 'anthropic-count-tokens') this.#meter.produceAll()
    this.#meter.end('complete', 200)
    sendBody(response, 200, headers, body)
  }

  #stream(plan: Plan, fault: Fault | undefined): void {
    const { wire, id, response } = this.#call
    response.writeHead(200, [
      ...wire.family.headers(id),
      'content-type',
      'text/event-stream; charset=utf-8',
      'cache-control',
      'no-cache',
      'x-sim-request-id',
      id,
    ])
    const error = { status: STREAM_ERROR_STATUS, message: 'Overloaded' }
    new StreamPlayer({
      response,
      frames: wire.frames(plan),
      instructions: this.instructions,
      fault,
      meter: this.#meter,
      errorEvent: wire.streamError(plan, error),
      malformedEvent: wire.malformedEvent(plan),
    }).start()
  }
}

function refusalOf(state: ProviderState, wire: Wire, request: IncomingMessage): ProviderError | undefined {
  const credential = credentialOf(request)
  if (credential === '') return { status: 401, message: 'No credential was sent.' }
  if (state.credentials?.has(credential) === false) return { status: 401, message: 'Invalid credential.' }
  if (wire.family.name === 'anthropic' && request.headers['anthropic-version'] === undefined) {
    return { status: 400, message: 'anthropic-version: header is required' }
  }
  return undefined
}

/** The credential in whichever header; empty when there is none. */
export function credentialOf(request: IncomingMessage): string {
  const bearer = request.headers.authorization?.replace(/^Bearer(?: +|$)/i, '')
  return bearer ?? headerOf(request, 'x-api-key') ?? headerOf(request, 'api-key') ?? ''
}

/** The id that a gateway gives the call, the same on each of its attempts. */
function callIdOf(request: IncomingMessage): string | undefined {
  return headerOf(request, 'x-litellm-call-id') ?? headerOf(request, 'x-client-request-id')
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

function readRequest(state: ProviderState, wire: Wire, body: Buffer): SimRequest {
  const request = wire.read(parseBody(body))
  state.knownBodies.add(wire, body, request)
  return request
}

function parseBody(body: Buffer): Readonly<Record<string, unknown>> {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    throw new BadRequestError('the body is not valid JSON')
  }
  if (!isObject(parsed)) throw new BadRequestError('the body is not a JSON object')
  return parsed
}

function withHeaders(instructions: Instructions, request: IncomingMessage): Instructions {
  let all = instructions
  for (const name in request.headers) {
    if (!name.startsWith('x-sim-')) continue
    const value = headerOf(request, name)
    if (value !== undefined) all = { ...all, ...parseInstruction(name.slice('x-sim-'.length), value) }
  }
  return all
}
