/** Connections to providers are kept and shared. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { POOL_DESTROYED, UpstreamPools } from './upstream-pools.ts'

const OPTIONS = { connectTimeoutMs: 5_000, keepAliveTimeoutMs: 5_000 }

let server: Server | undefined
let pools: UpstreamPools | undefined

afterEach(async () => {
  await pools?.close()
  server?.closeAllConnections()
  server?.close()
})

async function listen(): Promise<{ origin: string; connections: () => number }> {
  let connections = 0
  server = createServer((_request, response) => response.end('{}'))
  server.on('connection', () => (connections += 1))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
  }
}

test('calls of one origin share a pool, and one after the other share a connection', async () => {
  const { origin, connections } = await listen()
  pools = new UpstreamPools(OPTIONS)
  expect(pools.forOrigin(origin)).toBe(pools.forOrigin(origin))
  for (let call = 0; call < 5; call += 1) {
    const { body } = await pools.forOrigin(origin).request({ method: 'POST', path: '/', body: '{}' })
    expect(await body.text()).toBe('{}')
    // A connection is free again in the turn after the one in which its answer ended.
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(connections()).toBe(1)
})

test('closing ends what is under way', async () => {
  const { origin } = await listen()
  server?.removeAllListeners('request')
  pools = new UpstreamPools(OPTIONS)
  const arrived = once(server as Server, 'request')
  const call = pools.forOrigin(origin).request({ method: 'POST', path: '/', body: '{}' })
  await arrived
  await Promise.all([pools.close(), expect(call).rejects.toThrow()])
})

test('a call that begins after the close fails at once, to known and to new origins', async () => {
  const { origin } = await listen()
  pools = new UpstreamPools(OPTIONS)
  const known = await pools.forOrigin(origin).request({ method: 'POST', path: '/', body: '{}' })
  await known.body.text()
  await pools.close()
  for (const one of [origin, 'http://127.0.0.1:1']) {
    const call = pools.forOrigin(one).request({ method: 'POST', path: '/', body: '{}' })
    await expect(call).rejects.toMatchObject({ code: POOL_DESTROYED })
  }
})
