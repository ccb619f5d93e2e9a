/** The listener's connections: which requests are in flight, and how the listener ends without failing one of them. */
import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { Slots } from './slots.ts'

/** Told of every HTTP request. */
export interface RequestObserver {
  requestBegan(): void
  requestEnded(): void
}

/** The answer to a request, by whichever way it goes. */
export interface TrackedAnswer {
  readonly headersSent: boolean
  /** Set to false, the connection ends with the answer. */
  shouldKeepAlive: boolean
}

export interface ClosingTimes {
  /** The listener stays open so long, for load balancers to notice that this process is not ready any more. */
  readonly noticeMs: number
  /** Idle connections stay open so long after that: a request that is on its way over one is still answered. */
  readonly lingerMs: number
  /** What is in flight after this time is cut; undefined waits for its end, however long it takes. */
  readonly graceMs: number | undefined
}

/** Time for the last words to clients whose calls were cut. */
const FAREWELL_MS = 1_000

export class Connections {
  readonly #server: Server
  readonly #observer: RequestObserver
  readonly #inFlight = new Slots<TrackedAnswer>()
  readonly #sockets = new Slots<Socket>()
  readonly #onResponseClosed: (this: ServerResponse) => void
  readonly #onSocketClosed: (this: Socket) => void
  readonly #listenerClosed = Promise.withResolvers<void>()
  readonly #noticed = Promise.withResolvers<void>()
  readonly #lingered = Promise.withResolvers<void>()
  readonly #overdue = Promise.withResolvers<void>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #waitsForQuiet: (() => void)[] = []
  #closesAfterAnswers = false
  #closing: Promise<void> | undefined
  #served = 0
  #servedBound = Infinity
  #onServedBound: () => void = doNothing

  constructor(server: Server, observer: RequestObserver) {
    this.#server = server
    this.#observer = observer
    // One listener for all: each finds its own by `this`.
    const responseClosed = (response: ServerResponse): void => this.ended(response)
    this.#onResponseClosed = function () {
      responseClosed(this)
    }
    const sockets = this.#sockets
    this.#onSocketClosed = function () {
      sockets.delete(this)
    }
    server.prependListener('request', (_request, response) => {
      this.began(response)
      response.once('close', this.#onResponseClosed)
    })
    const opened = (socket: Socket): void => {
      this.#sockets.add(socket)
      socket.once('close', this.#onSocketClosed)
    }
    server.on('connection', opened)
    // With TLS, what waits for a client waits in the socket that stands over its connection.
    server.on('secureConnection', opened)
    server.once('close', () => this.#listenerClosed.resolve())
  }

  /** HTTP requests being answered now. */
  get requests(): number {
    return this.#inFlight.size
  }

  /** Bytes that are written and that clients have not taken, of all connections. */
  get waitingBytes(): number {
    let bytes = 0
    for (const socket of this.#sockets) bytes += socket.writableLength
    return bytes
  }

  /** Calls `then` once, when `requests` requests have come. */
  afterRequests(requests: number, then: () => void): void {
    this.#servedBound = requests
    this.#onServedBound = then
  }

  /** A request has come. */
  began(answer: TrackedAnswer): void {
    this.#inFlight.add(answer)
    this.#observer.requestBegan()
    if (this.#closesAfterAnswers) answer.shouldKeepAlive = false
    this.#served += 1
    if (this.#served >= this.#servedBound) {
      this.#servedBound = Infinity
      this.#onServedBound()
    }
  }

  /** It is answered, or its connection is gone. */
  ended(answer: TrackedAnswer): void {
    this.#inFlight.delete(answer)
    this.#observer.requestEnded()
    this.#tellIfQuiet()
  }

  /** A request that itself waits for the others is not counted from here on. */
  ignore(answer: TrackedAnswer): void {
    this.#inFlight.delete(answer)
    this.#tellIfQuiet()
  }

  /** From now on every answer, also of requests under way, closes its connection: clients come back elsewhere. */
  closeAfterAnswers(): void {
    this.#closesAfterAnswers = true
    for (const answer of this.#inFlight) if (!answer.headersSent) answer.shouldKeepAlive = false
  }

  /** Resolves when no request is in flight, or after `timeoutMs`. */
  async quiet(timeoutMs: number): Promise<void> {
    const timeout = Promise.withResolvers<void>()
    const timer = setTimeout(timeout.resolve, timeoutMs)
    await Promise.race([this.#quiet(), timeout.promise])
    clearTimeout(timer)
  }

  /**
   * Ends the listener. Called again while it is ending, it takes the shorter times.
   *
   * @param cut ends the calls that are still under way after the grace, so that their clients are told.
   */
  close(times: ClosingTimes, cut: () => Promise<void>): Promise<void> {
    const { noticeMs, lingerMs, graceMs } = times
    this.closeAfterAnswers()
    void this.#after(noticeMs).then(this.#noticed.resolve)
    void this.#after(noticeMs + lingerMs).then(this.#lingered.resolve)
    if (graceMs !== undefined) void this.#after(graceMs).then(this.#overdue.resolve)
    this.#closing ??= this.#close(cut).finally(() => {
      for (const timer of this.#timers) clearTimeout(timer)
    })
    return this.#closing
  }

  async #close(cut: () => Promise<void>): Promise<void> {
    const overdue = this.#overdue.promise
    await Promise.race([this.#noticed.promise, overdue])
    this.#stopListening()
    await Promise.race([this.#lingered.promise, this.#listenerClosed.promise, overdue])
    if (!(await this.#endedBefore(overdue))) {
      await cut()
      await this.quiet(FAREWELL_MS)
    }
    // What remains is idle, or has had its time. The server knows only those that have spoken HTTP.
    this.#server.closeAllConnections()
    for (const socket of this.#sockets) socket.destroy()
    await this.#listenerClosed.promise
  }

  /** `close` of an HTTP server would also end idle connections, over which a request may be on its way. */
  #stopListening(): void {
    if (this.#server.listening) NetServer.prototype.close.call(this.#server)
    else this.#listenerClosed.resolve()
  }

  /** @returns false when `overdue` came first. */
  async #endedBefore(overdue: Promise<void>): Promise<boolean> {
    const inTime = overdue.then(() => false)
    for (;;) {
      const ended = await Promise.race([this.#quiet().then(() => true), inTime])
      if (!ended) return false
      // What the system has received by now is read first: a request among it counts as in flight.
      await new Promise((resolve) => setImmediate(resolve))
      if (this.requests === 0) return true
    }
  }

  #tellIfQuiet(): void {
    if (this.#inFlight.size > 0 || this.#waitsForQuiet.length === 0) return
    for (const resolve of this.#waitsForQuiet.splice(0)) resolve()
  }

  #quiet(): Promise<void> {
    if (this.#inFlight.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waitsForQuiet.push(resolve))
  }

  #after(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        resolve()
      }, ms)
      this.#timers.add(timer)
    })
  }
}

function doNothing(): void {}
