/**
 * A file on its way to a provider: what of the form has been read, and the form as the provider gets it. The file is
 * never held whole; its beginning is, so that the fields after a small file, and the model that a batch file calls, are
 * known before the provider is asked.
 */
import type { Deployment } from '../routing/deployment.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { lineForProvider, modelOfLine, type LineTarget } from './batch-line.ts'
import { LineTooLongError, linesOf } from './lines.ts'
import type { FormField, FormFile, MultipartReader, MultipartWriter } from './multipart.ts'

export interface UploadLimits {
  readonly maxFileBytes: number
  readonly maxBatchFileBytes: number
  readonly maxLineBytes: number
}

/** So much of a file is held before its deployment is chosen. */
const HEAD_BYTES = 1_048_576

/** Form fields that are meant for the gateway. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'target_model_names',
  'custom_llm_provider',
  'provider',
  'model',
  'litellm_metadata',
])

const LINE_FEED = 0x0a

export class Upload {
  readonly #form: MultipartReader
  readonly #limits: UploadLimits
  readonly #fields: FormField[] = []
  readonly #head: Buffer[] = []
  readonly #file: FormFile
  #rest: AsyncIterator<Buffer> | undefined
  #formOver = false
  #bytes = 0
  #failure: unknown

  private constructor(form: MultipartReader, file: FormFile, limits: UploadLimits) {
    this.#form = form
    this.#file = file
    this.#limits = limits
  }

  /**
   * Reads a form up to its file and the file's beginning.
   * @throws GatewayError `bad_request` for a form without a file.
   */
  static async begin(form: MultipartReader, limits: UploadLimits): Promise<Upload> {
    const fields: FormField[] = []
    for (let part = await form.next(); part !== undefined; part = await form.next()) {
      if (part.kind === 'field') {
        fields.push(part)
        continue
      }
      const upload = new Upload(form, part, limits)
      upload.#fields.push(...fields)
      await upload.#readHead()
      return upload
    }
    throw new GatewayError('bad_request', 'file: the form has no file.', { param: 'file' })
  }

  /** Bytes of the file that have gone to the provider. */
  get bytes(): number {
    return this.#bytes
  }

  get filename(): string {
    return this.#file.filename
  }

  /** What the form said, as far as it was read. */
  field(name: string): string | undefined {
    const value = this.#fields.find((field) => field.name === name)?.value
    return value === '' ? undefined : value
  }

  /** What broke the upload off on the client's side. */
  get failure(): unknown {
    return this.#failure
  }

  /** The model that the file's first line calls; undefined when it is no batch file. */
  get firstModel(): string | undefined {
    const head = Buffer.concat(this.#head)
    const end = head.indexOf(LINE_FEED)
    return modelOfLine(end < 0 ? head : head.subarray(0, end))
  }

  /** Whether the file is the input of a batch: as the form says, or if it does not yet, as the file looks. */
  get isBatch(): boolean {
    const purpose = this.field('purpose')
    return purpose === undefined ? this.firstModel !== undefined : purpose === 'batch'
  }

  /**
   * The form for the provider, as it is read.
   *
   * @param accepts whether a line of a batch file that names this model may go to the deployment.
   * @throws GatewayError for a file that is too large, or has a line that may not go on.
   */
  async *form(
    writer: MultipartWriter,
    deployment: Deployment,
    accepts: (model: string) => boolean,
  ): AsyncGenerator<Buffer> {
    const { isBatch } = this
    try {
      for (const field of this.#fields) yield* formField(writer, field)
      yield writer.fileHead(this.#file)
      yield* isBatch ? this.#lines({ deployment, accepts }) : this.#counted(this.#limits.maxFileBytes)
      yield Buffer.from('\r\n')
      yield* this.#laterFields(writer, isBatch)
      yield writer.end()
    } catch (error) {
      this.#failure = error instanceof LineTooLongError ? lineTooLong(error) : error
      throw this.#failure
    }
  }

  async #readHead(): Promise<void> {
    const chunks = this.#file.content[Symbol.asyncIterator]()
    let bytes = 0
    let hasLine = false
    while (bytes < HEAD_BYTES || (!hasLine && bytes < this.#limits.maxLineBytes)) {
      const { done, value } = await chunks.next()
      if (done === true) return await this.#readRestOfForm()
      this.#head.push(value)
      bytes += value.length
      hasLine ||= value.includes(LINE_FEED)
    }
    this.#rest = chunks
  }

  async #readRestOfForm(): Promise<void> {
    for (let part = await this.#form.next(); part !== undefined; part = await this.#form.next()) {
      this.#fields.push(requireField(part))
    }
    this.#formOver = true
  }

  async *#content(): AsyncGenerator<Buffer> {
    yield* this.#head
    this.#head.length = 0
    const rest = this.#rest
    if (rest === undefined) return
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
  }

  async *#counted(maxBytes: number): AsyncGenerator<Buffer> {
    for await (const chunk of this.#content()) {
      this.#bytes += chunk.length
      if (this.#bytes > maxBytes) {
        throw new GatewayError('body_too_large', `file: it is larger than ${maxBytes} bytes.`, {
          param: 'file',
        })
      }
      yield chunk
    }
  }

  async *#lines(target: LineTarget): AsyncGenerator<Buffer> {
    const { maxBatchFileBytes, maxLineBytes } = this.#limits
    let number = 0
    for await (const line of linesOf(this.#counted(maxBatchFileBytes), maxLineBytes)) {
      number += 1
      yield Buffer.concat(lineForProvider(line, number, target))
    }
    if (number === 0) throw new GatewayError('bad_request', 'file: it has no line.', { param: 'file' })
  }

  /** Fields that came after a file which was not held: they must not change what has been decided without them. */
  async *#laterFields(writer: MultipartWriter, isBatch: boolean): AsyncGenerator<Buffer> {
    if (this.#formOver) return
    for (let part = await this.#form.next(); part !== undefined; part = await this.#form.next()) {
      const field = requireField(part)
      if (OWN_FIELDS.has(field.name) || (field.name === 'purpose' && (field.value === 'batch') !== isBatch)) {
        throw new GatewayError(
          'bad_request',
          `${field.name}: of a large file it has to stand before the file in the form, for the file is not kept.`,
          { param: field.name },
        )
      }
      this.#fields.push(field)
      yield* formField(writer, field)
    }
  }
}

function* formField(writer: MultipartWriter, { name, value }: FormField): Generator<Buffer> {
  if (!OWN_FIELDS.has(name)) yield writer.field(name, value)
}

function requireField(part: FormField | FormFile): FormField {
  if (part.kind === 'field') return part
  throw new GatewayError('bad_request', `${part.name}: the form has a second file; send one at a time.`, {
    param: part.name,
  })
}

function lineTooLong(error: LineTooLongError): GatewayError {
  return new GatewayError('body_too_large', `file: ${error.message}.`, { param: 'file', cause: error })
}
