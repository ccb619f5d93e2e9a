import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BodyLimits } from '../../src/calls/client-exchange.ts'
import { NodeExchange } from '../../src/calls/node-exchange.ts'
import { readBody } from '../../src/calls/read-body.ts'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import { startTestGateway } from '../running-gateway.ts'
import { HealthyCalls } from './healthy-calls.ts'
import { RawConnection } from './raw-connection.ts'

const HEAD = 'POST / HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n'

/** What `readBody` made of the next request. */
let outcome = Promise.withResolvers<Buffer | Error>()
let limits: BodyLimits
let server: Server
let url: string

beforeAll(async () => {
  server = createServer((request, response) => {
    Promise.resolve(readBody(new NodeExchange(request, response), limits))
      .then(outcome.resolve, outcome.resolve)
      .finally(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => void server.close())

async function outcomeOf(bodyLimits: Partial<BodyLimits>, act: (connection: RawConnection) => void) {
  limits = { maxBodyBytes: 10_000, bodyIdleTimeoutMs: 60_000, bodyTimeoutMs: 60_000, ...bodyLimits }
  outcome = Promise.withResolvers()
  const connection = new RawConnection(url).send(HEAD)
  act(connection)
  const settled = await outcome.promise
  connection.close()
  return settled
}

test('a body that stops coming is given up after the idle time', async () => {
  const error = await outcomeOf({ bodyIdleTimeoutMs: 30 }, (connection) => connection.send('{"model"'))
  expect(error).toBeInstanceOf(GatewayError)
  expect(error).toMatchObject({ code: 'body_timeout', status: 408 })
})

test('a body that comes byte by byte is given up after the whole time', async () => {
  let drip: NodeJS.Timeout | undefined
  const error = await outcomeOf({ bodyIdleTimeoutMs: 10_000, bodyTimeoutMs: 150 }, (connection) => {
    drip = setInterval(() => connection.send(' '), 5)
  })
  clearInterval(drip)
  expect(error).toMatchObject({ code: 'body_timeout' })
})

test('slow heads and bodies are ended by the gateway, in the dialect where there is one, and hurt nobody', async () => {
  const gateway = await startTestGateway()
  try {
    const slowHeads = Array.from({ length: 100 }, () =>
      new RawConnection(gateway.url).send('POST /v1/messages HTTP/1.1\r\nHost'),
    )
    const start = `POST /v1/messages HTTP/1.1\r\nHost: g\r\nx-api-key: ${await gateway.newKey()}\r\nContent-Length: 99\r\n\r\n{`
    const slowBodies = Array.from({ length: 100 }, () => new RawConnection(gateway.url).send(start))
    const others = new HealthyCalls(gateway)
    await others.expectUnhurt()
    for (const connection of slowBodies) {
      const answer = await connection.answer()
      expect(answer).toMatchObject({ status: 408, headers: { connection: 'close' } })
      expect(JSON.parse(answer?.body ?? '')).toMatchObject({
        type: 'error',
        error: { type: 'timeout_error' },
      })
      await connection.closed
    }
    for (const connection of slowHeads) {
      expect(await connection.answer()).toMatchObject({ status: 408, headers: { connection: 'close' } })
      await connection.closed
    }
  } finally {
    await gateway.stop()
  }
}, 80_000)
