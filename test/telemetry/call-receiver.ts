/** A real HTTP server that takes exported calls, and answers as a script says. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

export interface ReceivedMessage {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface CallReceiver extends AsyncDisposable {
  readonly url: string
  readonly received: readonly ReceivedMessage[]
  /** Statuses for the next messages; `cut` ends the connection. 200 when there are none left. */
  answer(...statuses: (number | 'cut')[]): void
  /** Resolves when so many messages have come in all. */
  count(messages: number): Promise<readonly ReceivedMessage[]>
}

export async function startCallReceiver(): Promise<CallReceiver> {
  const received: ReceivedMessage[] = []
  const answers: (number | 'cut')[] = []
  let told = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const bytes = Buffer.concat(chunks)
      const isGzip = request.headers['content-encoding'] === 'gzip'
      const { method = '', url = '', headers } = request
      received.push({ method, path: url, headers, body: String(isGzip ? gunzipSync(bytes) : bytes) })
      const answer = answers.shift() ?? 200
      if (answer === 'cut') response.destroy()
      else response.writeHead(answer).end()
      told.resolve()
      told = Promise.withResolvers()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answer: (...statuses) => void answers.push(...statuses),
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
