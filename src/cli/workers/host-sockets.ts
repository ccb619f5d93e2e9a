/**
 * The sockets that workers listen on. Each worker has its own, all of them on one address (SO_REUSEPORT): the kernel
 * spreads connections over them, and ends those of a worker that is killed. The process above makes and holds them and
 * never accepts from them, so that a connection which waits in a queue is not lost when one worker takes over from another.
 */
import * as net from 'node:net'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'

/** What one worker listens on. */
export interface WorkerSockets {
  /** In the order of `FIRST_SOCKET` and up; the second one is for metrics. */
  readonly descriptors: readonly number[]
  /** Lets go of them. Connections that nobody has accepted are reset, unless a worker still listens. */
  close(): void
}

export interface HostAddress {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Undefined for none. */
  readonly metricsPort: number | undefined
}

/** Descriptor at which a worker finds its first socket: after standard input, output, error and the channel. */
export const FIRST_SOCKET = 4

export interface BoundSocket {
  readonly fd: number
  close(): void
}

/** @returns a socket that is bound and not listened on, or the system's error as a negative number. */
export type BindSocket = (
  address: string,
  port: number,
  family: 4 | 6,
  fd: undefined,
  flags: number,
) => BoundSocket | number

/** What node:cluster makes its sockets with. Node's types do not have it. */
const { _createServerHandle: bindSocket } = net as unknown as { readonly _createServerHandle: BindSocket }

/** `UV_TCP_REUSEPORT` of libuv's `uv_tcp_flags`. */
export const REUSE_PORT = 2

/** One address, and as many sockets on it as there are workers. */
class ClaimedPort {
  readonly #address: net.AddressInfo
  readonly #bindSocket: BindSocket
  /** Where the system has no SO_REUSEPORT that spreads connections, all listen on one. */
  #sharedByAll: BoundSocket | undefined

  private constructor(address: net.AddressInfo, bind: BindSocket) {
    this.#address = address
    this.#bindSocket = bind
  }

  /** @throws when another program listens there: with SO_REUSEPORT alone two programs would share it unawares. */
  static async claim(host: string, port: number, bind: BindSocket): Promise<ClaimedPort> {
    const probe = net.createServer()
    const listening = Promise.withResolvers<void>()
    probe.once('error', listening.reject)
    probe.listen({ host, port }, listening.resolve)
    await listening.promise
    const address = probe.address() as net.AddressInfo // It listens on a port, not on a path.
    const closed = Promise.withResolvers<void>()
    probe.close(() => closed.resolve())
    await closed.promise
    return new ClaimedPort(address, bind)
  }

  open(): BoundSocket {
    if (this.#sharedByAll !== undefined) return this.#sharedByAll
    const own = this.#bind(REUSE_PORT)
    if (typeof own !== 'number') return own
    if (own !== -constants.errno.ENOTSUP) throw this.#failure(own)
    const shared = this.#bind(0)
    if (typeof shared === 'number') throw this.#failure(shared)
    // It ends with this process.
    this.#sharedByAll = { fd: shared.fd, close() {} }
    return this.#sharedByAll
  }

  #bind(flags: number): BoundSocket | number {
    const { address, port, family } = this.#address
    return this.#bindSocket(address, port, family === 'IPv6' ? 6 : 4, undefined, flags)
  }

  #failure(code: number): Error {
    const { address, port } = this.#address
    return new Error(`a socket for one more worker on ${address} port ${port}: ${getSystemErrorName(code)}`)
  }
}

export class HostSockets {
  readonly #ports: readonly ClaimedPort[]

  private constructor(ports: readonly ClaimedPort[]) {
    this.#ports = ports
  }

  /** @throws when an address cannot be had. */
  static async claim({ host, port, metricsPort }: HostAddress, bind = bindSocket): Promise<HostSockets> {
    const ports = [await ClaimedPort.claim(host, port, bind)]
    if (metricsPort !== undefined) ports.push(await ClaimedPort.claim(host, metricsPort, bind))
    return new HostSockets(ports)
  }

  /** @throws when the system gives none. */
  open(): WorkerSockets {
    const sockets = this.#ports.map((port) => port.open())
    return {
      descriptors: sockets.map(({ fd }) => fd),
      close: () => {
        for (const socket of sockets) socket.close()
      },
    }
  }
}
