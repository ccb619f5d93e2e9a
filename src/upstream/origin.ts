/** Where connections of a pool go, and how they are opened. */
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectSecure, createSecureContext, type SecureContext } from 'node:tls'

/** What all connections read into, each in its turn: it is emptied before anything else is read. */
export const READ_BUFFER = Buffer.allocUnsafeSlow(65_536)

/** Idle time after which the operating system asks whether the other side is still there. */
const PROBE_AFTER_MS = 60_000

/** Is told how many bytes were read: they stand at the beginning of `READ_BUFFER`. @returns whether to read on. */
type Receive = (count: number) => boolean

export class Origin {
  /** As the `host` header has it. */
  readonly host: string
  readonly #secure: boolean
  readonly #hostname: string
  readonly #port: number
  #context: SecureContext | undefined
  /** Of the last connection: the next one saves a round trip and the proof of the certificate with it. */
  #session: Buffer | undefined

  /** @param url such as `https://api.openai.com`. @throws TypeError when it is none. */
  constructor(url: string) {
    const { protocol, host, hostname, port } = new URL(url)
    this.host = host
    this.#secure = protocol === 'https:'
    this.#hostname = hostname.replace(/^\[|\]$/g, '')
    this.#port = port === '' ? (this.#secure ? 443 : 80) : Number(port)
  }

  /** @param onConnected the connection may be written to: with TLS, the other side has proved who it is. */
  open(onConnected: () => void, receive: Receive): Socket {
    const address = {
      host: this.#hostname,
      port: this.#port,
      onread: { buffer: READ_BUFFER, callback: receive },
    }
    const socket = this.#secure ? this.#openSecure(address) : connectPlain(address)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, PROBE_AFTER_MS)
    return socket.once(this.#secure ? 'secureConnect' : 'connect', onConnected)
  }

  #openSecure(address: { readonly host: string; readonly port: number }): Socket {
    const socket = connectSecure({
      ...address,
      ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
      ...(this.#session === undefined ? {} : { session: this.#session }),
      secureContext: (this.#context ??= createSecureContext()),
      ALPNProtocols: ['http/1.1'],
    })
    return socket.on('session', (session: Buffer) => {
      this.#session = session
    })
  }
}
