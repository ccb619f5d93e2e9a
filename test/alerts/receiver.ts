/** A real HTTP server that takes alerts, and answers as a script says. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Secret } from '../../src/config/secret.ts'

/** How a message is answered; `hang` never does, `cut` ends the connection. */
export type Answer = { readonly status: number; readonly headers?: Record<string, string> } | 'hang' | 'cut'

export interface Received {
  readonly path: string
  readonly contentType: string | undefined
  readonly body: Record<string, unknown>
}

export interface Receiver extends AsyncDisposable {
  /** With a path that is a secret. */
  readonly url: Secret
  readonly port: number
  readonly received: readonly Received[]
  /** Answers for the next messages; 200 when there are none left. */
  answer(...answers: Answer[]): void
  /** Resolves when so many messages have come in all. */
  count(messages: number): Promise<readonly Received[]>
}

export const SECRET_PATH = '/services/T0SECRET/B0SECRET'

export async function startReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = []
  const answers: Answer[] = []
  let told = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    void readText(request).then((text) => {
      received.push({
        path: request.url ?? '',
        contentType: request.headers['content-type'],
        body: JSON.parse(text) as Record<string, unknown>,
      })
      reply(response, answers.shift() ?? { status: 200 })
      told.resolve()
      told = Promise.withResolvers()
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  return {
    url: new Secret(`http://127.0.0.1:${address.port}${SECRET_PATH}`),
    port: address.port,
    received,
    answer: (...more) => void answers.push(...more),
    count: async (messages) => {
      while (received.length < messages) await told.promise
      return received
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk)
  return text
}

function reply(response: ServerResponse, answer: Answer): void {
  if (answer === 'hang') return
  if (answer === 'cut') response.destroy()
  else response.writeHead(answer.status, answer.headers).end('ok')
}
