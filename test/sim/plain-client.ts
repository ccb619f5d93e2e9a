/** A plain HTTP client for the simulator's tests: it shows what came over the wire, and how it ended. */
import { request } from 'node:http'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

export interface PlainAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** How the exchange ended: whole, broken off inside the body, or before any head came. */
  readonly ending: 'whole' | 'broken' | 'no-head'
}

export interface PlainCall {
  readonly url: string
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: object | string
  /** Called with all text so far whenever some came; true leaves the exchange. */
  readonly leaveWhen?: (text: string) => boolean
}

const DEFAULT_HEADERS = {
  authorization: 'Bearer test-key',
  'content-type': 'application/json',
  'anthropic-version': '2023-06-01',
}

/** Sends one call on a connection of its own and waits for its end, whichever it is. */
export async function sendPlain(call: PlainCall): Promise<PlainAnswer> {
  const { promise, resolve } = Promise.withResolvers<PlainAnswer>()
  const outgoing = request(
    call.url,
    { method: call.method ?? 'POST', headers: call.headers ?? DEFAULT_HEADERS, agent: false },
    (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (call.leaveWhen?.(text) === true) outgoing.destroy()
      })
      response.on('error', () => undefined)
      response.once('close', () => {
        const ending = response.complete ? 'whole' : 'broken'
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, ending })
      })
    },
  )
  outgoing.once('error', () => resolve({ status: 0, headers: {}, text: '', ending: 'no-head' }))
  outgoing.end(typeof call.body === 'object' ? JSON.stringify(call.body) : call.body)
  return promise
}

export interface ServerSentEvent {
  readonly event: string | undefined
  readonly data: string
}

/** Splits a stream of well-formed events. */
export function eventsOf(text: string): readonly ServerSentEvent[] {
  return text
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => {
      const lines = block.split('\n')
      return {
        event: lines.find((line) => line.startsWith('event: '))?.slice('event: '.length),
        data: lines.find((line) => line.startsWith('data: '))?.slice('data: '.length) ?? '',
      }
    })
}

/** The parsed data of each event but `[DONE]`. */
export function jsonEventsOf(text: string): readonly unknown[] {
  return eventsOf(text)
    .filter((event) => event.data !== '[DONE]')
    .map((event): unknown => JSON.parse(event.data))
}
