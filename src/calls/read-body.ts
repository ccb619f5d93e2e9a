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

class BodyReader {
  readonly done: Promise<Buffer>
  readonly #request: IncomingMessage
  readonly #limits: BodyLimits
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #resolve: (body: Buffer) => void = () => {}
  #reject: (error: Error) => void = () => {}
  readonly #totalTimer: NodeJS.Timeout
  readonly #idleTimer: NodeJS.Timeout

  constructor(request: IncomingMessage, limits: BodyLimits) {
    this.#request = request
    this.#limits = limits
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#totalTimer = setTimeout(expireBody, limits.bodyTimeoutMs, this)
    this.#idleTimer = setTimeout(expireBody, limits.bodyIdleTimeoutMs, this)
    request.on('data', this.#onData)
    request.on('end', this.#onEnd)
    request.on('error', this.#onCut)
    request.on('close', this.#onCut)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    if (this.#bytes > this.#limits.maxBodyBytes) return this.#fail(tooLarge(this.#limits.maxBodyBytes))
    this.#chunks.push(chunk)
    this.#idleTimer.refresh()
  }

  readonly #onEnd = (): void => {
    this.#stop()
    const only = this.#chunks.length === 1 ? this.#chunks[0] : undefined
    this.#resolve(only ?? Buffer.concat(this.#chunks, this.#bytes))
  }

  readonly #onCut = (): void => {
    this.#fail(
      new GatewayError('bad_request', 'the connection was closed before the request body was complete'),
    )
  }

  expire(): void {
    const seconds = Math.round(this.#limits.bodyIdleTimeoutMs / 1000)
    this.#fail(
      new GatewayError(
        'body_timeout',
        `the request body did not arrive in time (${seconds} s without a byte)`,
      ),
    )
  }

  #fail(error: GatewayError): void {
    this.#stop()
    this.#chunks.length = 0
    this.#reject(error)
  }

  #stop(): void {
    clearTimeout(this.#totalTimer)
    clearTimeout(this.#idleTimer)
    this.#request.off('data', this.#onData)
    this.#request.off('end', this.#onEnd)
    this.#request.off('error', this.#onCut)
    this.#request.off('close', this.#onCut)
  }
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
