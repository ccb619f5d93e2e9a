/** Reads the bytes of a request's body into memory, within a size and within time, whatever the sender does. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors/gateway-error.ts'
import type { HeldBody } from './body-room.ts'
import type { BodyLimits } from './client-exchange.ts'

export function tooLarge(maxBodyBytes: number): GatewayError {
  return new GatewayError(
    'body_too_large',
    `the request body is larger than ${maxBodyBytes} bytes (general_settings.max_request_size_mb)`,
  )
}

export function tooSlow({ bodyIdleTimeoutMs, bodyTimeoutMs }: BodyLimits): GatewayError {
  return new GatewayError(
    'body_timeout',
    `the request body did not arrive in time (at most ${bodyIdleTimeoutMs / 1000} s without a byte, ` +
      `${bodyTimeoutMs / 1000} s in all)`,
  )
}

export function cutShort(): GatewayError {
  return new GatewayError('bad_request', 'the connection was closed before the request body was complete')
}

/** Listeners are shared by all requests; they find their reader by this member of the request. */
const READER = Symbol('body reader')

type ReadRequest = IncomingMessage & { [READER]?: BodyReader | undefined }

export class BodyReader {
  readonly done: Promise<Buffer>
  readonly #request: ReadRequest
  readonly #limits: BodyLimits
  readonly #held: HeldBody | undefined
  readonly #chunks: Buffer[] = []
  readonly #beganAtMs = performance.now()
  #bytes = 0
  #over = false
  #resolve: (body: Buffer) => void = doNothing
  #reject: (error: unknown) => void = doNothing
  readonly #timer: NodeJS.Timeout

  /** @param held counts what comes. */
  constructor(request: ReadRequest, limits: BodyLimits, held?: HeldBody) {
    this.#request = request
    this.#limits = limits
    this.#held = held
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
    try {
      this.#held?.add(chunk.length)
    } catch (error) {
      return this.fail(error)
    }
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
    this.fail(tooSlow(this.#limits))
  }

  fail(error: unknown): void {
    if (this.#over) return
    this.#stop()
    this.#chunks.length = 0
    this.#reject(error)
  }

  #stop(): void {
    this.#over = true
    // The request lives as long as its answer; what was read must not.
    this.#request[READER] = undefined
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
  this[READER]?.fail(cutShort())
}

function expireBody(reader: BodyReader): void {
  reader.expire()
}
