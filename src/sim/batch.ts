/**
 * A batch of the simulated provider. It ends when it has been looked at as often as its metadata says, and is served
 * at that moment: each line that is answered stands on the meter once.
 */
import { InstructionError } from './instructions.ts'
import { planAnswer } from './plan.ts'
import { BadRequestError, isObject, numberOf, stringOf, type JsonObject } from './sim-request.ts'
import { OPENAI } from './wire/families.ts'
import { WIRES } from './wire/index.ts'
import type { Meter } from './meter.ts'
import type { PromptCache } from './prompt-cache.ts'
import type { Wire } from './wire/wire.ts'

export interface BatchRequest {
  readonly inputFileId: string
  readonly endpoint: string
  readonly completionWindow: string
  readonly metadata: JsonObject | null
}

/** What serving a batch gave. */
export interface BatchOutput {
  readonly answers: string
  readonly errors: string
}

export interface BatchProvider {
  readonly meter: Meter
  readonly promptCache: PromptCache
  /** Keeps a file with answers. @returns its id. */
  keep(filename: string, content: string): string
}

type Status = 'validating' | 'in_progress' | 'completed' | 'failed' | 'expired' | 'cancelling' | 'cancelled'

export class SimBatch {
  readonly id: string
  readonly inputFileId: string
  readonly createdS: number
  readonly #request: BatchRequest
  readonly #lines: readonly string[]
  readonly #provider: BatchProvider
  #status: Status = 'validating'
  #looks = 0
  #completed = 0
  #failed = 0
  #outputFileId: string | null = null
  #errorFileId: string | null = null
  #endedS: number | null = null

  constructor(id: string, request: BatchRequest, input: Buffer, provider: BatchProvider, createdS: number) {
    this.id = id
    this.inputFileId = request.inputFileId
    this.createdS = createdS
    this.#request = request
    this.#lines = input
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
    this.#provider = provider
  }

  /** A client asks how it goes: that is the clock of a batch. */
  look(atS: number): void {
    this.#looks += 1
    if (this.#status === 'cancelling') return this.#end('cancelled', atS, this.#half())
    if (this.#status !== 'validating' && this.#status !== 'in_progress') return
    const { metadata } = this.#request
    const looks = Number(metadata?.['sim_polls'] ?? 1)
    if (this.#looks < looks) {
      this.#status = 'in_progress'
      return
    }
    if (metadata?.['sim_end'] === 'failed' || !this.#isSound()) return this.#end('failed', atS, [])
    if (metadata?.['sim_end'] === 'expired') return this.#end('expired', atS, this.#half())
    this.#end('completed', atS, this.#lines)
  }

  /** What was served until then is answered, and billed. */
  cancel(): void {
    if (this.#status === 'validating' || this.#status === 'in_progress') this.#status = 'cancelling'
  }

  toObject(): JsonObject {
    const at = (status: Status): number | null => (this.#status === status ? this.#endedS : null)
    return {
      id: this.id,
      object: 'batch',
      endpoint: this.#request.endpoint,
      errors: null,
      input_file_id: this.inputFileId,
      completion_window: this.#request.completionWindow,
      status: this.#status,
      output_file_id: this.#outputFileId,
      error_file_id: this.#errorFileId,
      created_at: this.createdS,
      in_progress_at: this.createdS,
      expires_at: this.createdS + 86_400,
      finalizing_at: at('completed'),
      completed_at: at('completed'),
      failed_at: at('failed'),
      expired_at: at('expired'),
      cancelling_at: at('cancelled'),
      cancelled_at: at('cancelled'),
      request_counts: { total: this.#lines.length, completed: this.#completed, failed: this.#failed },
      metadata: this.#request.metadata,
    }
  }

  #half(): readonly string[] {
    return this.#lines.slice(0, Math.ceil(this.#lines.length / 2))
  }

  /** As OpenAI checks a batch: one endpoint, one model. */
  #isSound(): boolean {
    const models = new Set<unknown>()
    for (const line of this.#lines) {
      const request = parsedLine(line)
      if (request === undefined || request['url'] !== this.#request.endpoint) return false
      models.add(isObject(request['body']) ? request['body']['model'] : undefined)
    }
    return models.size === 1
  }

  #end(status: Status, atS: number, lines: readonly string[]): void {
    const wire = WIRES.get(this.#request.endpoint.replace(/^\/v1/, ''))
    const output = wire === undefined ? { answers: '', errors: '' } : this.#serve(wire, lines, atS)
    if (output.answers !== '')
      this.#outputFileId = this.#provider.keep(`${this.id}_output.jsonl`, output.answers)
    if (output.errors !== '') this.#errorFileId = this.#provider.keep(`${this.id}_error.jsonl`, output.errors)
    this.#status = status
    this.#endedS = atS
  }

  #serve(wire: Wire, lines: readonly string[], atS: number): BatchOutput {
    let answers = ''
    let errors = ''
    for (const [index, line] of lines.entries()) {
      const request = parsedLine(line) ?? {}
      const simRequestId = `${this.id}_${index}`
      const served = this.#serveLine(wire, request, simRequestId, atS)
      const text = `${JSON.stringify({
        id: `batch_req_${simRequestId}`,
        custom_id: stringOf(request['custom_id']) ?? null,
        response: {
          status_code: served.status,
          request_id: `req_${simRequestId}`,
          body: JSON.parse(served.body),
        },
        error: null,
      })}\n`
      if (served.status === 200) answers += text
      else errors += text
    }
    return { answers, errors }
  }

  #serveLine(
    wire: Wire,
    request: JsonObject,
    id: string,
    createdS: number,
  ): { status: number; body: string } {
    const { meter, promptCache } = this.#provider
    const call = meter.begin({ callId: this.id, simRequestId: id, dialect: wire.dialect })
    const fail = (status: number, message: string): { status: number; body: string } => {
      call.end('faulted', status)
      this.#failed += 1
      return { status, body: OPENAI.errorBody({ status, message }, id) }
    }
    try {
      const simRequest = wire.read(isObject(request['body']) ? request['body'] : {})
      const { instructions } = simRequest
      const { fault } = instructions
      if (fault?.kind === 'status')
        return fail(fault.status, `The simulator was asked for status ${fault.status}.`)
      const plan = planAnswer({
        request: simRequest,
        instructions,
        prompt: promptCache.use(simRequest),
        id,
        createdS,
      })
      call.plan(plan.request.model, false, plan.usage)
      call.produceAll()
      call.end('complete', 200)
      this.#completed += 1
      return { status: 200, body: wire.answer(plan) }
    } catch (error) {
      if (error instanceof BadRequestError || error instanceof InstructionError)
        return fail(400, error.message)
      throw error
    }
  }
}

function parsedLine(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** @throws BadRequestError naming the member at fault. */
export function readBatchRequest(body: JsonObject): BatchRequest {
  const inputFileId = stringOf(body['input_file_id'])
  const endpoint = stringOf(body['endpoint'])
  const completionWindow = stringOf(body['completion_window'])
  const metadata = body['metadata'] ?? null
  if (inputFileId === undefined) throw new BadRequestError('input_file_id is required', 'input_file_id')
  if (endpoint === undefined || !WIRES.has(endpoint.replace(/^\/v1/, '')))
    throw new BadRequestError('endpoint is not one that batches have', 'endpoint')
  if (completionWindow !== '24h')
    throw new BadRequestError("completion_window must be '24h'", 'completion_window')
  if (metadata !== null && !isObject(metadata)) throw new BadRequestError('metadata is no object', 'metadata')
  const polls = metadata?.['sim_polls']
  if (polls !== undefined && numberOf(Number(polls)) === undefined)
    throw new BadRequestError('metadata.sim_polls is no number', 'metadata')
  return { inputFileId, endpoint, completionWindow, metadata }
}
