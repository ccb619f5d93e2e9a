/**
 * The one way by which commands go out: with a deadline, past a breaker, counted, and with errors that hold no secret.
 * It also tells, once each, that the server is lost and that it is back.
 */
import { Cluster, Command } from 'ioredis'
import type { Logger } from '../telemetry/logs/logger.ts'
import type { ServiceObserver } from '../telemetry/service-observer.ts'
import { Breaker } from './breaker.ts'
import { connectRedis, type RedisClient } from './connect.ts'
import { ConnectionState } from './connection-state.ts'
import { Deadlines } from './deadlines.ts'
import { reasonOf } from './failure-reason.ts'
import { GatheringClient } from './gathering-client.ts'
import { RedisUnavailableError } from './redis.ts'
import { placeText, type RedisSettings } from './redis-settings.ts'

export interface RedisParts {
  readonly log: Logger
  /** Told of each command, when somebody wants to know. */
  readonly observer?: ServiceObserver | undefined
}

/** Counts since the start. */
export interface RedisStats {
  readonly reconnects: number
  /** Refused at once, without asking the server. */
  readonly refusedCommands: number
  readonly timeouts: number
  readonly connectionFailures: number
  /** How often the server was lost, and found again. */
  readonly lost: number
  readonly found: number
}

const PROBE_INTERVAL_MS = 200
const FIRST_TRY_PATIENCE_MS = 250
const NOT_YET = 'it is not connected yet'

export class Guard {
  readonly stats = {
    reconnects: 0,
    refusedCommands: 0,
    timeouts: 0,
    connectionFailures: 0,
    lost: 0,
    found: 0,
  } satisfies RedisStats
  readonly #place: string
  readonly #log: Logger
  readonly #observer: ServiceObserver | undefined
  readonly #client: RedisClient
  readonly #connection: ConnectionState
  readonly #deadlines: Deadlines
  readonly #probes: Deadlines
  readonly #breaker: Breaker
  readonly #onConnected: () => void
  readonly #firstTry = Promise.withResolvers<void>()
  /** What was last told: undefined before the first connection has been made or has failed. */
  #toldAvailable: boolean | undefined
  #reason = NOT_YET
  #isClosing = false

  /** @param onConnected told after each connection. */
  constructor(settings: RedisSettings, { log, observer }: RedisParts, onConnected: () => void) {
    this.#place = placeText(settings.place)
    this.#log = log
    this.#observer = observer
    this.#onConnected = onConnected
    this.#deadlines = new Deadlines(settings.deadlineMs, () => this.#missed())
    this.#probes = new Deadlines(settings.deadlineMs, () => this.#unanswered())
    this.#breaker = new Breaker({
      failureThreshold: settings.failureThreshold,
      probeIntervalMs: PROBE_INTERVAL_MS,
      probe: () => this.#probe(),
      onChange: (isOpen) => this.#breakerChanged(isOpen),
    })
    this.#client = connectRedis(settings)
    this.#client.on('error', this.#noteReason)
    this.#client.on('node error', this.#noteReason)
    this.#connection = new ConnectionState(this.#client, (isConnected) => {
      if (isConnected) this.#connected()
      else this.#stateChanged()
    })
  }

  get available(): boolean {
    return this.#connection.isConnected && !this.#breaker.isOpen
  }

  get isCluster(): boolean {
    return this.#client instanceof Cluster
  }

  async firstTry(): Promise<void> {
    const patience = setTimeout(() => this.#firstTry.resolve(), FIRST_TRY_PATIENCE_MS)
    await this.#firstTry.promise
    clearTimeout(patience)
  }

  /** Waits for the commands under way, each until its deadline at most. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#breaker.stop()
    await this.#deadlines.settled()
    this.#client.disconnect()
  }

  /**
   * @param operation names the command in metrics.
   * @param client one node of a cluster, instead of the one that has the key.
   * @throws RedisUnavailableError, or the server's own error.
   */
  async send(operation: string, command: Command, client: RedisClient = this.#client): Promise<unknown> {
    if (!this.available) throw this.#refused(operation)
    const beganAtMs = performance.now()
    this.#deadlines.watch(command, beganAtMs)
    client.sendCommand(command)
    try {
      const answer: unknown = await command.promise
      this.#breaker.succeeded()
      this.#observer?.succeeded(performance.now() - beganAtMs)
      return answer
    } catch (error) {
      throw this.#failed(operation, error)
    }
  }

  whenTurnEnds(task: () => void): void {
    if (this.#client instanceof GatheringClient) this.#client.whenTurnEnds(task)
    else setImmediate(task)
  }

  #refused(operation: string): RedisUnavailableError {
    this.stats.refusedCommands += 1
    this.#observer?.failed(operation, 'Refused')
    return new RedisUnavailableError(`Redis at ${this.#place} is not available: ${this.#reason}`)
  }

  /** An error of the client library holds the command with its arguments: only its text goes on. */
  #failed(operation: string, error: unknown): Error {
    if (error instanceof RedisUnavailableError) {
      this.#observer?.failed(operation, 'Timeout')
      return error
    }
    const reason = reasonOf(error)
    if (reason.isFromServer) {
      this.#breaker.succeeded()
      // A script that the server does not know yet is sent again as a whole.
      if (reason.errorClass !== 'NOSCRIPT') this.#observer?.failed(operation, reason.errorClass)
      return new Error(reason.text)
    }
    this.stats.connectionFailures += 1
    if (reason.leavesNoService) {
      this.#reason = reason.text
      this.#breaker.failed()
    }
    this.#observer?.failed(operation, 'ConnectionError')
    return new RedisUnavailableError(`Redis at ${this.#place} is not available: ${this.#reason}`)
  }

  /** Told by the deadlines. @returns the error that the command ends with. */
  #missed(): Error {
    this.stats.timeouts += 1
    this.#reason = 'it does not answer'
    this.#breaker.failed()
    return this.#unanswered()
  }

  #unanswered(): RedisUnavailableError {
    return new RedisUnavailableError(`Redis at ${this.#place} did not answer in time`)
  }

  /** A node of a cluster that answers does not serve while others are missing: its own word on that counts. */
  async #probe(): Promise<void> {
    const { isCluster } = this
    const answers = this.nodes().map((node) => {
      const probe = isCluster ? new Command('cluster', ['info'], UTF8) : new Command('ping', [], UTF8)
      this.#probes.watch(probe, performance.now())
      node.sendCommand(probe)
      return probe.promise
    })
    const texts: readonly unknown[] = await Promise.all(answers)
    if (isCluster && !texts.every((text) => String(text).includes('cluster_state:ok'))) {
      this.#reason = 'the cluster is down: some of its slots are not served'
      throw this.#unanswered()
    }
  }

  /** The servers that hold data. */
  nodes(): readonly RedisClient[] {
    return this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client]
  }

  readonly #noteReason = (error: unknown): void => {
    this.#reason = reasonOf(error).text
  }

  #connected(): void {
    if (this.#toldAvailable !== undefined) this.stats.reconnects += 1
    this.#reason = 'the connection was closed'
    this.#breaker.connected()
    this.#stateChanged()
    this.#onConnected()
  }

  #breakerChanged(isOpen: boolean): void {
    // What is under way waits for a server that does not answer.
    if (isOpen) this.#deadlines.endAll(this.#unanswered())
    this.#stateChanged()
  }

  /** Tells once that the server is lost, and once that it is back. */
  #stateChanged(): void {
    this.#firstTry.resolve()
    const { available } = this
    if (available === this.#toldAvailable || this.#isClosing) return
    const isFirst = this.#toldAvailable === undefined
    this.#toldAvailable = available
    if (available) {
      if (!isFirst) this.stats.found += 1
      this.#log.info(isFirst ? 'connected to Redis' : 'Redis is back', { redis: this.#place })
      return
    }
    this.stats.lost += 1
    this.#log.warn(
      `Redis at ${this.#place} is not available: ${this.#reason}. Calls go on without it, and what is shared between ` +
        'processes is kept by each for itself until it is back. Check that it runs and that address, user, password ' +
        'and TLS of its settings are right.',
    )
  }
}

const UTF8 = { replyEncoding: 'utf8' } as const
