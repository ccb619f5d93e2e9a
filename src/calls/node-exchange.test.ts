import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { NodeExchange } from './node-exchange.ts'

const server = createServer()

afterEach(() => server.close())

test('the head of an answer holds its own headers, lines of the gateway, and what answers share', async () => {
  server.on('request', (request, response) => {
    const exchange = new NodeExchange(request, response)
    exchange.writeHead(
      200,
      ['content-length', '4', 'x-own', 'a: b'],
      ['x-shared', '1'],
      'x-id: 7\r\nx-url: a:b\r\n',
    )
    exchange.end(Buffer.from('body'))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  expect(await answer.text()).toBe('body')
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-length': '4',
    'x-own': 'a: b',
    'x-shared': '1',
    'x-id': '7',
    'x-url': 'a:b',
  })
})
