/** A rolling restart of two processes behind a load balancer that hides nothing, under streaming load. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSimulator, type Simulator } from '../../src/sim/index.ts'
import { LoadBalancer } from '../chaos/load-balancer.ts'
import { freePort } from '../free-port.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { ask, StreamingLoad } from './client.ts'
import { Installation, type GatewayProcess } from './gateway-process.ts'

let simulator: Simulator
let postgresql: TestPostgresql

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 })
  postgresql = await startPostgresql()
})

afterAll(async () => {
  await simulator.close()
  await postgresql[Symbol.asyncDispose]()
})

async function isReady(port: number): Promise<boolean> {
  return (await ask(`http://127.0.0.1:${port}/health/readiness`)).status === 200
}

test('no call fails and no stream is cut while one process after the other is restarted', async () => {
  using installation = new Installation(simulator.url, await postgresql.createDatabase())
  const ports = [await freePort(), await freePort()]
  const start = async (port: number): Promise<GatewayProcess> => {
    const gateway = installation.start(['--port', String(port), '--drain_notice', '1'])
    await gateway.url()
    return gateway
  }
  // One after the other: both share a data directory, as two processes of one machine may.
  const gateways = [await start(ports[0]!), await start(ports[1]!)]
  await using balancer = await LoadBalancer.start(ports)
  // nginx closes idle connections of its clients when it takes up another list of servers.
  const load = new StreamingLoad(balancer.url, 30, false)
  try {
    await load.more(60)
    for (const [index, port] of ports.entries()) {
      // Readiness is what a balancer watches: it stops sending calls only when that has gone off.
      expect(await isReady(port)).toBe(true)
      gateways[index]!.signal('SIGTERM')
      while (await isReady(port));
      balancer.route(ports.filter((other) => other !== port))
      expect(await gateways[index]!.ended()).toBe(0)
      gateways[index] = await start(port)
      balancer.route(ports)
      await load.more(60)
    }
    expect(await load.end()).toEqual([])
    expect(balancer.errors()).toEqual([])
  } finally {
    await load.end()
    await Promise.all(gateways.map((gateway) => gateway[Symbol.asyncDispose]()))
  }
}, 120_000)
