/** Connections to providers are kept and shared, and end when the gateway stops. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { ask } from '../../test/upstream/asked.ts'
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
    const { body } = await ask(pools.forOrigin(origin)).whole
    expect(body).toBe('{}')
  }
  expect(connections()).toBe(1)
})

test('closing ends what is under way, and says that the gateway is stopping', async () => {
  const { origin } = await listen()
  server?.removeAllListeners('request')
  pools = new UpstreamPools(OPTIONS)
  const arrived = once(server as Server, 'request')
  const { ended } = ask(pools.forOrigin(origin))
  await arrived
  await pools.close()
  expect(await ended).toMatchObject({ code: 'GATEWAY_STOPPING' })
})

test('a call that begins after the close fails at once, to known and to new origins', async () => {
  const { origin } = await listen()
  pools = new UpstreamPools(OPTIONS)
  await ask(pools.forOrigin(origin)).whole
  await pools.close()
  for (const one of [origin, 'http://127.0.0.1:1']) {
    expect(await ask(pools.forOrigin(one)).ended).toMatchObject({ code: 'GATEWAY_STOPPING' })
  }
})

test('transfers share connections too, and end with the gateway', async () => {
  const { origin, connections } = await listen()
  pools = new UpstreamPools(OPTIONS)
  for (let transfer = 0; transfer < 3; transfer += 1) {
    const transfers = await pools.forTransfers(origin)
    const { body } = await transfers.request({ method: 'POST', path: '/', body: '{}' })
    expect(await body.text()).toBe('{}')
    // A connection is free again in the turn after the one in which its answer ended.
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(connections()).toBe(1)
  server?.removeAllListeners('request')
  const arrived = once(server as Server, 'request')
  const last = (await pools.forTransfers(origin)).request({ method: 'POST', path: '/', body: '{}' })
  await arrived
  await Promise.all([pools.close(), expect(last).rejects.toMatchObject({ code: 'GATEWAY_STOPPING' })])
  for (const one of [origin, 'http://127.0.0.1:1']) {
    const late = (await pools.forTransfers(one)).request({ method: 'POST', path: '/', body: '{}' })
    await expect(late).rejects.toMatchObject({ code: POOL_DESTROYED })
  }
})

test('transfers that could not be prepared are prepared anew, and do not hold up the end', async () => {
  const { origin } = await listen()
  pools = new UpstreamPools(OPTIONS)
  vi.doMock('undici', () => {
    throw new Error('too many open files')
  })
  await expect(pools.forTransfers(origin)).rejects.toThrow()
  vi.doUnmock('undici')
  const { body } = await (await pools.forTransfers(origin)).request({ method: 'POST', path: '/', body: '{}' })
  expect(await body.text()).toBe('{}')
})
