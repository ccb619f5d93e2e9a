/** Files and batches of the simulated provider: `/files` and `/batches`, with and without `/v1`. */
import { sendBody, sendError, answerHeaders } from './answer-faults.ts'
import { readBatchRequest, SimBatch, type BatchProvider } from './batch.ts'
import { fileObject, FileStore, type SimFile } from './file-store.ts'
import { parseForm } from './form.ts'
import { BadRequestError, isObject, type JsonObject } from './sim-request.ts'
import { credentialOf } from './serve-call.ts'
import { OPENAI } from './wire/families.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FaultParts } from './answer-faults.ts'
import type { ProviderState } from './serve-call.ts'

export interface FileCall {
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Without query and `/v1`. */
  readonly route: string
  readonly body: Buffer
}

/** Larger than any model call: a file is held whole. */
export const MAX_FILE_BYTES = 520 * 1024 * 1024

export function isFileRoute(route: string): boolean {
  return /^\/(files|batches)(\/|$)/.test(route)
}

const USUAL_PAGE = 20

export class FileServer {
  readonly #state: ProviderState
  readonly #idPrefix: string
  readonly #files = new FileStore()
  readonly #batches = new Map<string, SimBatch>()

  constructor(state: ProviderState, idPrefix: string) {
    this.#state = state
    this.#idPrefix = idPrefix
  }

  serve(call: FileCall): void {
    const parts: FaultParts = { response: call.response, instructions: {}, family: OPENAI, id: call.id }
    const credential = credentialOf(call.request)
    if (credential === '' || this.#state.credentials?.has(credential) === false) {
      sendError(parts, { status: 401, message: 'No credential was sent, or a wrong one.' })
      return
    }
    try {
      const answer = this.#answer(call)
      if (answer === undefined) sendError(parts, { status: 404, message: `No such ${call.route}.` })
      else this.#send(call, answer)
    } catch (error) {
      if (!(error instanceof BadRequestError)) throw error
      sendError(parts, { status: 400, message: error.message, param: error.param })
    }
  }

  #send({ id, response }: FileCall, answer: JsonObject | Buffer): void {
    const json = !Buffer.isBuffer(answer)
    const headers = [...OPENAI.headers(id), ...answerHeaders(id)]
    if (!json) headers[headers.indexOf('content-type') + 1] = 'application/octet-stream'
    sendBody(response, 200, headers, json ? JSON.stringify(answer) : answer)
  }

  /** Undefined for what is not there. */
  #answer(call: FileCall): JsonObject | Buffer | undefined {
    const [, kind, id, action] = call.route.split('/')
    const method = call.request.method ?? 'GET'
    if (kind === 'files') return this.#answerFile(call, method, id, action)
    return this.#answerBatch(call, method, id, action)
  }

  #answerFile(
    call: FileCall,
    method: string,
    id: string | undefined,
    action: string | undefined,
  ): JsonObject | Buffer | undefined {
    if (id === undefined) {
      return method === 'POST'
        ? fileObject(this.#upload(call))
        : page(call, this.#files.all().map(fileObject))
    }
    const file = this.#files.find(id)
    if (file === undefined) return undefined
    if (method === 'DELETE') return { id, object: 'file', deleted: this.#files.delete(id) }
    return action === 'content' ? file.content : fileObject(file)
  }

  #upload({ request, body }: FileCall): SimFile {
    const { fields, file } = parseForm(request.headers['content-type'], body)
    const purpose = fields.get('purpose')
    if (file === undefined) throw new BadRequestError('file is required', 'file')
    if (purpose === undefined) throw new BadRequestError('purpose is required', 'purpose')
    return this.#files.add(this.#idPrefix, { ...file, purpose, createdS: nowS() })
  }

  #answerBatch(
    call: FileCall,
    method: string,
    id: string | undefined,
    action: string | undefined,
  ): JsonObject | undefined {
    if (id === undefined) {
      return method === 'POST'
        ? this.#create(call).toObject()
        : page(call, [...this.#batches.values()].map((batch) => batch.toObject()).toReversed())
    }
    const batch = this.#batches.get(id)
    if (method === 'POST' && action === 'cancel') batch?.cancel()
    else batch?.look(nowS())
    return batch?.toObject()
  }

  #create({ body }: FileCall): SimBatch {
    const request = readBatchRequest(parsedBody(body))
    const file = this.#files.find(request.inputFileId)
    if (file === undefined) throw new BadRequestError('the input file does not exist', 'input_file_id')
    if (file.purpose !== 'batch')
      throw new BadRequestError('the purpose of the file is not batch', 'input_file_id')
    const id = `batch_sim${this.#idPrefix}${this.#batches.size + 1}`
    const batch = new SimBatch(id, request, file.content, this.#provider(), nowS())
    this.#batches.set(id, batch)
    return batch
  }

  #provider(): BatchProvider {
    const { meter, promptCache } = this.#state
    return {
      meter,
      promptCache,
      keep: (filename, content) =>
        this.#files.add(this.#idPrefix, {
          filename,
          purpose: 'batch_output',
          createdS: nowS(),
          content: Buffer.from(content),
        }).id,
    }
  }
}

function nowS(): number {
  return Math.floor(Date.now() / 1_000)
}

function parsedBody(body: Buffer): JsonObject {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'))
    if (isObject(parsed)) return parsed
  } catch {
    // Told below.
  }
  throw new BadRequestError('the body is not a JSON object')
}

function page({ request }: FileCall, all: readonly JsonObject[]): JsonObject {
  const query = new URLSearchParams((request.url ?? '').split('?')[1] ?? '')
  const after = query.get('after')
  const limit = Number(query.get('limit') ?? USUAL_PAGE)
  const from = after === null ? 0 : all.findIndex((object) => object['id'] === after) + 1
  const data = all.slice(from, from + limit)
  return { object: 'list', data, has_more: from + limit < all.length }
}
