import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { constants } from 'node:os'
import { expect, test } from 'vitest'
import { HostSockets, REUSE_PORT, type BoundSocket, type WorkerSockets } from './host-sockets.ts'

const ANY_PORT = { host: '127.0.0.1', port: 0, metricsPort: undefined }

async function listen({ descriptors }: WorkerSockets): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  server.listen({ fd: descriptors[0] })
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

test('the sockets of all workers are on one address, also where any port will do', async () => {
  const sockets = await HostSockets.claim({ ...ANY_PORT, metricsPort: 0 })
  const [first, second] = [sockets.open(), sockets.open()]
  expect(new Set([...first.descriptors, ...second.descriptors]).size).toBe(4)
  const servers = [await listen(first), await listen(second)]
  expect(portOf(servers[0]!)).toBe(portOf(servers[1]!))
  for (const server of servers) server.close()
})

test('a port that another program listens on is not shared with it', async () => {
  const other = createServer()
  other.listen({ host: '127.0.0.1', port: 0, reusePort: true })
  await once(other, 'listening')
  const claimed = HostSockets.claim({ ...ANY_PORT, port: portOf(other) })
  await expect(claimed).rejects.toMatchObject({ code: 'EADDRINUSE', port: portOf(other) })
  other.close()
})

test('where the system does not spread connections over sockets, all workers listen on one until the last has ended', async () => {
  let closed = 0
  const bound: BoundSocket = { fd: 77, close: () => (closed += 1) }
  const sockets = await HostSockets.claim(ANY_PORT, (_address, _port, _family, _fd, flags) =>
    flags === REUSE_PORT ? -constants.errno.ENOTSUP : bound,
  )
  const [first, second] = [sockets.open(), sockets.open()]
  expect([first.descriptors, second.descriptors]).toEqual([[77], [77]])
  first.close()
  expect(closed).toBe(0)
})
