/**
 * Reads a `multipart/form-data` body (RFC 7578) as it arrives: fields whole, files in pieces that are never held. Parts
 * are taken one after the other; the content of a file has to be read to its end before the next part.
 */
import { GatewayError } from '../errors/gateway-error.ts'

export interface FormField {
  readonly kind: 'field'
  readonly name: string
  readonly value: string
}

export interface FormFile {
  readonly kind: 'file'
  readonly name: string
  readonly filename: string
  readonly contentType: string | undefined
  readonly content: AsyncIterable<Buffer>
}

const MAX_HEADER_BYTES = 16_384
const MAX_FIELD_BYTES = 65_536
const MAX_PARTS = 64

const HEADER_END = Buffer.from('\r\n\r\n')

/** The boundary in a content type. @throws GatewayError `unsupported_media_type`. */
export function boundaryOf(contentType: string | undefined): string {
  const match = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(
    contentType ?? '',
  )
  const boundary = match?.[1] ?? match?.[2]
  if (boundary !== undefined) return boundary
  throw new GatewayError(
    'unsupported_media_type',
    `content-type is '${(contentType ?? '').slice(0, 100)}', expected 'multipart/form-data' with a boundary`,
    { param: 'content-type' },
  )
}

export class MultipartReader {
  readonly #chunks: AsyncIterator<Buffer>
  /** What stands between parts. */
  readonly #delimiter: Buffer
  /** Bytes that have arrived and are not taken. The form is read as if a line break stood before it. */
  #held: Buffer = Buffer.from('\r\n')
  #state: 'preamble' | 'between' | 'content' | 'over' = 'preamble'
  #parts = 0

  constructor(chunks: AsyncIterable<Buffer>, boundary: string) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  }

  /**
   * The next part; undefined after the last.
   * @throws GatewayError `bad_request` for what is no form, or has too large fields.
   */
  async next(): Promise<FormField | FormFile | undefined> {
    if (this.#state === 'content') throw new Error('the content of the part before was not read to its end')
    if (this.#state === 'over') return undefined
    if (this.#state === 'preamble') await this.#skipPreamble()
    if (await this.#isLastDelimiter()) {
      this.#state = 'over'
      await this.#skipRest()
      return undefined
    }
    this.#parts += 1
    if (this.#parts > MAX_PARTS) throw malformed(`it has more than ${MAX_PARTS} parts`)
    const headers = await this.#headers()
    this.#state = 'content'
    const { name, filename } = dispositionOf(headers)
    if (filename === undefined) return { kind: 'field', name, value: await this.#field(name) }
    const contentType = /^content-type:[ \t]*(.+?)[ \t]*$/im.exec(headers)?.[1]
    return { kind: 'file', name, filename, contentType, content: this.#content() }
  }

  async #skipPreamble(): Promise<void> {
    for (;;) {
      const at = this.#held.indexOf(this.#delimiter)
      if (at >= 0) {
        this.#held = this.#held.subarray(at + this.#delimiter.length)
        this.#state = 'between'
        return
      }
      if (this.#held.length > MAX_HEADER_BYTES) throw malformed('its boundary does not occur')
      if (!(await this.#more())) throw malformed('its boundary does not occur')
    }
  }

  /** Takes what follows a delimiter: `--` after the last, else a line break. */
  async #isLastDelimiter(): Promise<boolean> {
    while (this.#held.length < 2) if (!(await this.#more())) throw cut()
    const isLast = this.#held.toString('latin1', 0, 2) === '--'
    if (isLast) return true
    for (;;) {
      const end = this.#held.indexOf('\r\n')
      if (end >= 0) {
        if (this.#held.toString('latin1', 0, end).trim() !== '')
          throw malformed('a boundary is followed by text')
        // The line break stays: a part without headers begins with the empty line.
        this.#held = this.#held.subarray(end)
        return false
      }
      if (this.#held.length > MAX_HEADER_BYTES) throw malformed('a boundary is followed by text')
      if (!(await this.#more())) throw cut()
    }
  }

  async #headers(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf(HEADER_END)
      if (end > MAX_HEADER_BYTES || (end < 0 && this.#held.length > MAX_HEADER_BYTES + HEADER_END.length)) {
        throw malformed(`a part has headers of more than ${MAX_HEADER_BYTES} bytes`)
      }
      if (end >= 0) {
        const headers = this.#held.toString('utf8', 0, end)
        this.#held = this.#held.subarray(end + HEADER_END.length)
        return headers
      }
      if (!(await this.#more())) throw cut()
    }
  }

  async #field(name: string): Promise<string> {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of this.#content()) {
      bytes += chunk.length
      if (bytes > MAX_FIELD_BYTES) throw malformed(`the field ${name} has more than ${MAX_FIELD_BYTES} bytes`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  }

  async *#content(): AsyncGenerator<Buffer> {
    const delimiter = this.#delimiter
    for (;;) {
      const at = this.#held.indexOf(delimiter)
      if (at >= 0) {
        if (at > 0) yield this.#held.subarray(0, at)
        this.#held = this.#held.subarray(at + delimiter.length)
        this.#state = 'between'
        return
      }
      // The last bytes may be the beginning of the delimiter.
      const sure = this.#held.length - delimiter.length + 1
      if (sure > 0) {
        const chunk = this.#held.subarray(0, sure)
        this.#held = this.#held.subarray(sure)
        yield chunk
      }
      if (!(await this.#more())) throw cut()
    }
  }

  /** What comes after the form is received and dropped. */
  async #skipRest(): Promise<void> {
    this.#held = Buffer.alloc(0)
    while (await this.#more()) this.#held = Buffer.alloc(0)
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next()
    if (done === true) return false
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value])
    return true
  }
}

interface Disposition {
  readonly name: string
  readonly filename: string | undefined
}

function dispositionOf(headers: string): Disposition {
  const line = /^content-disposition:[ \t]*form-data(.*)$/im.exec(headers)?.[1]
  const name = line === undefined ? undefined : parameterOf(line, 'name')
  if (line === undefined || name === undefined)
    throw malformed('a part has no content-disposition with a name')
  return { name, filename: extendedParameterOf(line) ?? parameterOf(line, 'filename') }
}

function parameterOf(line: string, name: string): string | undefined {
  const match = new RegExp(`;[ \\t]*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, 'i').exec(line)
  const value = match?.[1]?.replaceAll(/\\(.)/g, '$1') ?? match?.[2]
  return value?.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n')
}

/** `filename*=UTF-8''…`, which some clients send for names beyond ASCII. */
function extendedParameterOf(line: string): string | undefined {
  const encoded = /;[ \t]*filename\*=utf-8''([^;\s]+)/i.exec(line)?.[1]
  if (encoded === undefined) return undefined
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

function malformed(why: string): GatewayError {
  return new GatewayError('bad_request', `The body is not valid multipart/form-data: ${why}.`, {
    param: 'request_body',
  })
}

function cut(): GatewayError {
  return malformed('it ends before its last boundary')
}

/** Writes the parts of a form. */
export class MultipartWriter {
  readonly boundary: string

  /** @param boundary must occur in no part: a long random text. */
  constructor(boundary: string) {
    this.boundary = boundary
  }

  field(name: string, value: string): Buffer {
    return Buffer.from(
      `--${this.boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`,
    )
  }

  /** What stands before the content of a file; after it comes a line break. */
  fileHead({ name, filename, contentType }: Omit<FormFile, 'kind' | 'content'>): Buffer {
    const type =
      contentType === undefined ? 'application/octet-stream' : contentType.replaceAll(/[\r\n]/g, '')
    return Buffer.from(
      `--${this.boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"; filename="${quoted(filename)}"\r\n` +
        `content-type: ${type}\r\n\r\n`,
    )
  }

  end(): Buffer {
    return Buffer.from(`--${this.boundary}--\r\n`)
  }
}

/** As browsers do: https://html.spec.whatwg.org/#multipart-form-data */
function quoted(text: string): string {
  return text.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
