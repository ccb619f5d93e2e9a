/** A message that a receiver took has arrived, whatever its answer says or fails to say. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { ReceiverConnections } from './receiver-connections.ts'
import { MOST_ANSWER_BYTES, sendRequest, type SendResult } from './send-request.ts'

/** Sends a message that reads its answer. @returns also the answers that were read, with their types. */
async function sendTo(answer: (response: ServerResponse) => void) {
  const server = createServer((_request, response) => answer(response))
  const connections = new ReceiverConnections(1)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const read: [string | undefined, string][] = []
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const result: SendResult = await sendRequest(
      connections,
      {
        method: 'POST',
        url,
        headers: {},
        body: 'calls',
        readAnswer: (contentType, body) => {
          read.push([contentType, body.toString()])
          return body.length === 0 ? undefined : { signal: 'traces', items: 1, reason: body.toString() }
        },
      },
      AbortSignal.timeout(10_000),
      Date.now,
    )
    return { result, read }
  } finally {
    await connections.destroy()
    server.closeAllConnections()
    server.close()
  }
}

test('what a receiver did not take is read from its answer', async () => {
  const { result, read } = await sendTo((response) => {
    response.writeHead(202, { 'content-type': 'text/plain' })
    response.write('one ')
    response.end('item')
  })
  expect(result).toEqual({ kind: 'sent', rejection: { signal: 'traces', items: 1, reason: 'one item' } })
  expect(read).toEqual([['text/plain', 'one item']])
})

test('an answer that is too long is not read', async () => {
  const { result, read } = await sendTo((response) => response.end('x'.repeat(MOST_ANSWER_BYTES + 1)))
  expect(result).toEqual({ kind: 'sent', rejection: undefined })
  expect(read).toEqual([[undefined, '']])
})

test('an answer that is cut is not read, and its message is not sent again', async () => {
  const { result } = await sendTo((response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('one item', () => response.destroy())
  })
  expect(result).toEqual({ kind: 'sent', rejection: undefined })
})

test('the answer of a receiver that refused the message is not read', async () => {
  const { result, read } = await sendTo((response) => response.writeHead(400).end('no'))
  expect(result).toMatchObject({ kind: 'failed', reason: 'HTTP 400', mayRetry: false })
  expect(read).toEqual([])
})
