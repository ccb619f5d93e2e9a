/** A provider that repeats the credentials it was sent in its errors, as some have done; the path says in which form. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export class EchoProvider {
  readonly #server: Server
  /** Heads and bodies of all requests. */
  received = ''

  constructor() {
    this.#server = createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => (body += text))
      request.on('end', () => {
        this.received += JSON.stringify(request.headers) + body
        // An organization is no secret, and the prompt is the caller's own.
        const { 'openai-organization': _organization, ...headers } = request.headers
        const token = /"token":"[^"]*"/.exec(body)?.[0] ?? ''
        answer(request, response, `refused: ${JSON.stringify(headers)} ${token}`)
      })
    })
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }
}

/** First part of the path: how the error comes. */
export const ECHO_FORMS = ['json', 'detail', 'text', 'html', 'ok', 'event', 'midstream', 'redirect'] as const

function answer(request: IncomingMessage, response: ServerResponse, words: string): void {
  const form = request.url?.split('/')[1] as (typeof ECHO_FORMS)[number]
  const error = {
    type: 'error',
    error: { type: 'authentication_error', message: words, code: null, param: null },
  }
  const event = `event: error\ndata: ${JSON.stringify(error)}\n\n`
  switch (form) {
    case 'json':
      return send(response, 401, 'application/json', JSON.stringify(error))
    case 'detail':
      return send(response, 422, 'application/json', JSON.stringify({ detail: [{ msg: words }] }))
    case 'text':
      return send(response, 403, 'text/plain', words)
    case 'html':
      return send(response, 502, 'text/html', `<html>${words}</html>`)
    case 'ok':
      return send(response, 200, 'application/json', JSON.stringify(error))
    case 'event':
      return send(response, 200, 'text/event-stream', event)
    case 'redirect':
      response.setHeader('location', `http://127.0.0.1:1/?leak=${encodeURIComponent(words)}`)
      return send(response, 302, 'text/plain', words)
    case 'midstream': {
      const chunk = {
        id: 'c',
        object: 'chat.completion.chunk',
        choices: [{ index: 0, delta: { content: 'a' }, finish_reason: null }],
      }
      const begin = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'a' } }
      const first =
        request.url?.includes('messages') === true
          ? `event: content_block_delta\ndata: ${JSON.stringify(begin)}`
          : `data: ${JSON.stringify(chunk)}`
      return send(response, 200, 'text/event-stream', `${first}\n\n${event}`)
    }
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type }).end(body)
}
