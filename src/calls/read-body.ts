/** Reads a request's body into memory, within a size and within time, whatever the sender does. */
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { GatewayError } from '../errors/gateway-error.ts'

export interface BodyLimits {
  readonly maxBodyBytes: number
  readonly bodyIdleTimeoutMs: number
  readonly bodyTimeoutMs: number
}

/**
 * @returns the body's bytes, decompressed when `content-encoding` says so.
 * @throws GatewayError `unsupported_media_type`, `body_too_large`, `body_timeout` or `bad_request`.
 */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  requireJson(request.headers['content-type'])
  const declared = request.headers['content-length']
  if (declared !== undefined && Number(declared) > limits.maxBodyBytes) throw tooLarge(limits.maxBodyBytes)
  const raw = await new BodyReader(request, limits).done
  const encoding = request.headers['content-encoding']
  return encoding === undefined || encoding === 'identity'
    ? raw
    : decompress(raw, encoding, limits.maxBodyBytes)
}

function requireJson(contentType: string | undefined): void {
  if (contentType === undefined || contentType === 'application/json') return
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type === 'application/json' || type.endsWith('+json')) return
  throw new GatewayError(
    'unsupported_media_type',
    `content-type is '${type.slice(0, 100)}', expected 'application/json': set the header and send a JSON object`,
    { param: 'content-type' },
  )
}

function tooLarge(maxBodyBytes: number): GatewayError {
  return new GatewayError(
    'body_too_large',
    `the request body is larger than ${maxBodyBytes} bytes (general_settings.max_request_size_mb)`,
  )
}

/** Listeners are shared by all requests; they find their reader by this member of the request. */
const READER = Symbol('body reader')

type ReadRequest = IncomingMessage & { [READER]?: BodyReader }

class BodyReader {
  readonly done: Promise<Buffer>
  readonly #limits: BodyLimits
  readonly #chunks: Buffer[] = []
  readonly #beganAtMs = performance.now()
  #bytes = 0
  #over = false
  #resolve: (body: Buffer) => void = doNothing
  #reject: (error: Error) => void = doNothing
  readonly #timer: NodeJS.Timeout

  constructor(request: ReadRequest, limits: BodyLimits) {
    this.#limits = limits
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#timer = setTimeout(expireBody, limits.bodyIdleTimeoutMs, this)
    request[READER] = this
    request.on('data', onData)
    request.on('end', onEnd)
    request.on('error', onCut)
    request.on('close', onCut)
  }

  /** What comes after the end of reading is received and dropped. */
  take(chunk: Buffer): void {
    if (this.#over) return
    this.#bytes += chunk.length
    if (this.#bytes > this.#limits.maxBodyBytes) return this.fail(tooLarge(this.#limits.maxBodyBytes))
    if (performance.now() - this.#beganAtMs > this.#limits.bodyTimeoutMs) return this.expire()
    this.#chunks.push(chunk)
    this.#timer.refresh()
  }

  end(): void {
    if (this.#over) return
    this.#stop()
    const only = this.#chunks.length === 1 ? this.#chunks[0] : undefined
    this.#resolve(only ?? Buffer.concat(this.#chunks, this.#bytes))
  }

  expire(): void {
    const { bodyIdleTimeoutMs, bodyTimeoutMs } = this.#limits
    this.fail(
      new GatewayError(
        'body_timeout',
        `the request body did not arrive in time (at most ${bodyIdleTimeoutMs / 1000} s without a byte, ` +
          `${bodyTimeoutMs / 1000} s in all)`,
      ),
    )
  }

  fail(error: GatewayError): void {
    if (this.#over) return
    this.#stop()
    this.#chunks.length = 0
    this.#reject(error)
  }

  #stop(): void {
    this.#over = true
    clearTimeout(this.#timer)
  }
}

function doNothing(): void {}

function onData(this: ReadRequest, chunk: Buffer): void {
  this[READER]?.take(chunk)
}

function onEnd(this: ReadRequest): void {
  this[READER]?.end()
}

function onCut(this: ReadRequest): void {
  // `close` follows every request: the error is made only for one that was cut.
  if (this.readableEnded) return
  this[READER]?.fail(
    new GatewayError('bad_request', 'the connection was closed before the request body was complete'),
  )
}

function expireBody(reader: BodyReader): void {
  reader.expire()
}

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
])

async function decompress(raw: Buffer, encoding: string, maxBodyBytes: number): Promise<Buffer> {
  const decode = DECODERS.get(encoding.trim().toLowerCase())
  if (decode === undefined) {
    throw new GatewayError(
      'unsupported_media_type',
      `content-encoding '${encoding.slice(0, 40)}' is not known, expected gzip, deflate, br or none`,
      { param: 'content-encoding' },
    )
  }
  try {
    return await decode(raw, { maxOutputLength: maxBodyBytes })
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(maxBodyBytes)
    throw new GatewayError('bad_request', `the body is not valid ${encoding}`, {
      param: 'content-encoding',
      cause: error,
    })
  }
}
