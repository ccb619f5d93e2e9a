/** The faults that come in the place of an answer, or break a whole (not streamed) one. */
import { TLSSocket } from 'node:tls'
import type { ServerResponse } from 'node:http'
import type { Fault, InsteadFault, Instructions, MidAnswerFault } from './instructions.ts'
import type { Family, ProviderError } from './wire/wire.ts'

export interface FaultParts {
  readonly response: ServerResponse
  readonly instructions: Instructions
  readonly family: Family
  readonly id: string
}

const DEFAULT_HOLD_MS = 600_000
const DEFAULT_RETRY_AFTER_S = 1
const SLOW_HEADER_LINES = 10

const PAGE = '<!doctype html><html><head><title>Sign in</title></head><body><p>Gateway</p></body></html>'

/**
 * Answers with the fault.
 * @returns the status that was sent; 0 when none was.
 */
export function answerWithFault(fault: Exclude<Fault, { kind: 'mid' }>, parts: FaultParts): number {
  if (fault.kind === 'status') {
    const message = `The simulator was asked for status ${fault.status}.`
    return sendError(parts, { status: fault.status, message })
  }
  return answerInstead(fault.name, parts)
}

/** Writes a provider's error as a whole answer; returns its status. */
export function sendError(parts: FaultParts, error: ProviderError): number {
  const { response, family, id, instructions } = parts
  const headers = [...family.headers(id), ...answerHeaders(id), ...retryAfter(error.status, instructions)]
  sendBody(response, error.status, headers, family.errorBody(error, id))
  return error.status
}

export function sendBody(
  response: ServerResponse,
  status: number,
  headers: readonly string[],
  body: string | Buffer,
): void {
  response.writeHead(status, [...headers, 'content-length', String(Buffer.byteLength(body))])
  response.end(body)
}

export function answerHeaders(id: string): readonly string[] {
  return ['content-type', 'application/json', 'x-sim-request-id', id]
}

/** Breaks a whole answer: nothing of it is billed, for no caller can have got it. */
export function breakWholeAnswer(
  name: MidAnswerFault,
  parts: FaultParts,
  headers: readonly string[],
  body: string,
): void {
  const { response, family, id, instructions } = parts
  const half = Buffer.from(body).subarray(0, Math.ceil(Buffer.byteLength(body) / 2))
  switch (name) {
    case 'error': {
      // Some hosts answer with an error under a status of 200.
      const error: ProviderError = { status: 500, message: 'The simulator was asked for an error.' }
      sendBody(response, 200, headers, family.errorBody(error, id))
      return
    }
    case 'malformed':
    case 'fin':
      sendBody(response, 200, headers, half)
      return
    case 'cut':
    case 'stall':
      response.writeHead(200, [...headers, 'content-length', String(Buffer.byteLength(body))])
      response.write(half, () => breakLater(response, name === 'cut' ? 0 : holdMs(instructions)))
  }
}

function breakLater(response: ServerResponse, delayMs: number): void {
  const timer = setTimeout(() => response.destroy(), delayMs)
  response.once('close', () => clearTimeout(timer))
}

function holdMs(instructions: Instructions): number {
  return instructions.holdMs ?? DEFAULT_HOLD_MS
}

function retryAfter(status: number, instructions: Instructions): readonly string[] {
  if (instructions.retryAfterOff === true) return []
  const seconds = instructions.retryAfterS ?? (status === 429 ? DEFAULT_RETRY_AFTER_S : undefined)
  return seconds === undefined ? [] : ['retry-after', String(seconds)]
}

function answerInstead(name: InsteadFault, parts: FaultParts): number {
  const { response, family, id } = parts
  switch (name) {
    case 'no-credit':
    case 'context-length':
      return sendError(parts, { status: family.reasonStatus(name), message: '', reason: name })
    case 'html':
    case 'html502': {
      const status = name === 'html' ? 200 : 502
      sendBody(response, status, ['content-type', 'text/html', 'x-sim-request-id', id], PAGE)
      return status
    }
    case 'reset':
      resetConnection(response)
      return 0
    case 'slow-headers':
      dripHeaders(parts)
      return 0
  }
}

function resetConnection(response: ServerResponse): void {
  const { socket } = response
  if (socket === null || socket instanceof TLSSocket) response.destroy()
  else socket.resetAndDestroy()
}

/** Sends header line after header line over the hold time, and never comes to an end of them. */
function dripHeaders(parts: FaultParts): void {
  const { response, instructions } = parts
  const { socket } = response
  if (socket === null) return
  socket.write('HTTP/1.1 200 OK\r\n')
  let lines = 0
  const timer = setInterval(
    () => {
      lines += 1
      if (lines > SLOW_HEADER_LINES) socket.destroy()
      else socket.write(`x-sim-slow-${lines}: slow\r\n`)
    },
    Math.max(1, holdMs(instructions) / SLOW_HEADER_LINES),
  )
  socket.once('close', () => clearInterval(timer))
}
