/**
 * One unary gRPC call over HTTP/2, which is all that OTLP needs of gRPC:
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { MOST_ANSWER_BYTES, type OutgoingRequest, type SendResult } from '../export/send-request.ts'

/** Codes after which OTLP allows another try: https://opentelemetry.io/docs/specs/otlp/#failures */
const RETRYABLE_CODES: ReadonlySet<number> = new Set([1, 4, 8, 10, 11, 14, 15])

const STATUS_OK = 0
const STATUS_UNKNOWN = 2

/** A flag for compression, and the length. */
const PREFIX_BYTES = 5

const NOTHING = Buffer.alloc(0)

/** Receivers compress their answers as the messages were compressed that they answer. */
const unzipped = promisify(gunzip)

/** What a message is told apart by that goes by gRPC. */
export const GRPC_CONTENT_TYPE = 'application/grpc'

/** Sends over one connection to each receiver, which is made when it is needed, and again when it broke. */
export class GrpcSender {
  readonly #sessions = new Map<string, ClientHttp2Session>()

  /** Never rejects; what it says of a failure holds no part of the address. */
  send(request: OutgoingRequest, signal: AbortSignal): Promise<SendResult> {
    const url = new URL(request.url)
    const { promise, resolve } = Promise.withResolvers<SendResult>()
    try {
      const stream = this.#connected(url.origin).request(
        {
          [constants.HTTP2_HEADER_METHOD]: 'POST',
          [constants.HTTP2_HEADER_PATH]: url.pathname,
          te: 'trailers',
          ...request.headers,
        },
        { signal },
      )
      let status: IncomingHttpHeaders = {}
      stream.on('response', (headers) => {
        status = headers
      })
      stream.on('trailers', (trailers) => {
        status = { ...status, ...trailers }
      })
      stream.on('error', (error: Error) => {
        // A connection that swallowed one message may be dead without knowing it.
        if (signal.aborted) this.#drop(url.origin)
        resolve(failed(signal.aborted ? 'time-out' : codeOf(error), true))
      })
      const chunks: Buffer[] = []
      let length = 0
      stream.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length <= MOST_ANSWER_BYTES) chunks.push(chunk)
      })
      stream.on('close', () => resolve(resultOf(status, request, Buffer.concat(chunks))))
      stream.end(framed(Buffer.from(request.body), request.headers['grpc-encoding'] === 'gzip'))
    } catch (error) {
      resolve(failed(codeOf(error), true))
    }
    return promise
  }

  close(): void {
    for (const origin of this.#sessions.keys()) this.#drop(origin)
  }

  #drop(origin: string): void {
    this.#sessions.get(origin)?.destroy()
    this.#sessions.delete(origin)
  }

  #connected(origin: string): ClientHttp2Session {
    const open = this.#sessions.get(origin)
    if (open !== undefined && !open.closed && !open.destroyed) return open
    const session = connect(origin)
    this.#sessions.set(origin, session)
    // Each message hears of a broken connection by itself.
    session.on('error', () => undefined)
    session.on('goaway', () => session.close())
    // An idle connection must not hold up the end of the process.
    session.unref()
    return session
  }
}

function framed(message: Buffer, isCompressed: boolean): Buffer {
  const frame = Buffer.alloc(PREFIX_BYTES + message.length)
  frame[0] = isCompressed ? 1 : 0
  frame.writeUInt32BE(message.length, 1)
  message.copy(frame, PREFIX_BYTES)
  return frame
}

async function resultOf(
  headers: IncomingHttpHeaders,
  { readAnswer }: OutgoingRequest,
  answer: Buffer,
): Promise<SendResult> {
  const httpStatus = Number(headers[':status'] ?? 0)
  if (httpStatus === 0) return failed('no answer', true)
  const code = headers['grpc-status']
  if (code === undefined && httpStatus !== 200)
    return failed(`HTTP ${httpStatus}`, httpStatus === 429 || httpStatus >= 500)
  const status = code === undefined ? STATUS_UNKNOWN : Number(code)
  if (status !== STATUS_OK) return failed(`gRPC ${status}`, RETRYABLE_CODES.has(status))
  return { kind: 'sent', rejection: readAnswer?.(headers['content-type'], await unframed(answer)) }
}

/** @returns nothing of what is cut, or cannot be read. */
async function unframed(frame: Buffer): Promise<Buffer> {
  if (frame.length < PREFIX_BYTES) return NOTHING
  const message = frame.subarray(PREFIX_BYTES)
  if (frame[0] === 0) return message
  return await unzipped(message, { maxOutputLength: MOST_ANSWER_BYTES }).catch(() => NOTHING)
}

function failed(reason: string, mayRetry: boolean): SendResult {
  return { kind: 'failed', reason, mayRetry, retryAfterMs: undefined }
}

/** The code of an error, and not its message, which may repeat the address. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
