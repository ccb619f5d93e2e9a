/** Answers to what is no HTTP request: the parser has given up, so the bytes are written to the socket itself. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { DIALECTS } from '../dialects/index.ts'
import { GatewayError, type ErrorCode } from '../errors/gateway-error.ts'

interface Told {
  readonly code: ErrorCode
  readonly status: number
  readonly message: string
}

/** Codes of Node's HTTP parser and server: https://nodejs.org/api/http.html#event-clienterror */
const TOLD: ReadonlyMap<string, Told> = new Map([
  [
    'HPE_HEADER_OVERFLOW',
    { code: 'bad_request', status: 431, message: 'The request headers are larger than 64 KB together.' },
  ],
  [
    'ERR_HTTP_REQUEST_TIMEOUT',
    { code: 'body_timeout', status: 408, message: 'The request did not arrive whole in time.' },
  ],
])

/** The parser's own words may repeat bytes of the request: they are not told. */
const MALFORMED: Told = {
  code: 'bad_request',
  status: 400,
  message: 'What was sent is not a valid HTTP/1.1 request. Check its framing: one content-length, or chunks.',
}

/** Ends the connection: where the next request would begin cannot be known. */
export function answerMalformedRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (socket.destroyed || error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const { code, status, message } = TOLD.get(error.code ?? '') ?? MALFORMED
  const { body } = DIALECTS['openai-chat'].writeError(new GatewayError(code, message, { status }), '')
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString('utf8')}`,
    () => socket.destroy(),
  )
}
