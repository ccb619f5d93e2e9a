/**
 * The process above the workers. It serves no calls: it starts the workers, starts others in the place of those that
 * die or have served their time, passes signals on, and keeps what workers share.
 */
import { randomBytes } from 'node:crypto'
import { createLogger, type Logger } from '../../telemetry/logs/logger.ts'
import { OPERATION_COUNTERS, OPERATION_GAUGES } from '../../telemetry/metrics/operations.ts'
import { registerProcessMetrics } from '../../telemetry/metrics/process.ts'
import { MetricsRegistry } from '../../telemetry/metrics/registry.ts'
import { createRedactor } from '../../telemetry/redaction.ts'
import type { DatabaseKind } from '../../storage/database.ts'
import type { ServeOptions } from '../serve-options.ts'
import { ordersOfSignals, type StopOrder } from '../stop-order.ts'
import { VERSION } from '../version.ts'
import { HostLimits } from './host-limits.ts'
import { HostMetrics } from './host-metrics.ts'
import { inTime } from './in-time.ts'
import { HostSockets, type WorkerSockets } from './host-sockets.ts'
import { RestartDelay } from './restart-delay.ts'
import { WorkerProcess, type WorkerEnd } from './worker-process.ts'

/** Beyond the grace: for farewells, the last records, and the exit itself. What takes longer is killed. */
const LAST_STEPS_MS = 8_000

/** A worker that is busy for longer is left out of a sum. */
const WORKER_TIMEOUT_MS = 1_000

/** After a new worker that did not start, the next try to replace the old one. */
const REPLACE_AGAIN_MS = 60_000

/** Length that Node asks of the keys for TLS session tickets. */
const TICKET_KEYS_BYTES = 48

/**
 * Serves with workers until SIGTERM or SIGINT.
 *
 * @returns the exit code.
 * @throws when the address to listen on cannot be had.
 */
export async function supervise(options: ServeOptions): Promise<number> {
  const orders = ordersOfSignals(options)
  const sockets = await HostSockets.claim(options)
  const log = createLogger(options.logLevel, createRedactor())
  const supervisor = new Supervisor(options, sockets, log)
  orders.obey((order) => supervisor.stop(order))
  // A second signal ends this process in haste: workers without it would go on until their calls have ended.
  process.on('exit', () => supervisor.kill())
  const code = await supervisor.run()
  await log.close()
  return code
}

class Supervisor {
  #options: ServeOptions
  readonly #sockets: HostSockets
  readonly #log: Logger
  readonly #workers = new Set<WorkerProcess>()
  readonly #limits = new HostLimits(Date.now, (worker, ids) => this.#recall(worker, ids))
  readonly #metrics: HostMetrics
  readonly #exits: (cause: 'replaced' | 'died') => void
  readonly #delay = new RestartDelay()
  readonly #ticketKeys = randomBytes(TICKET_KEYS_BYTES)
  readonly #over = Promise.withResolvers<number>()
  /** None before the first one listens. */
  #wanted = 0
  #started = 0
  /** Of a worker that has died, when no other one listens: the next one takes them over, and who waits there. */
  #orphaned: WorkerSockets | undefined
  #replaces: boolean
  #replacing: Promise<void> = Promise.resolve()
  #restart: NodeJS.Timeout | undefined
  #draining = false
  #stopping = false
  #exitCode = 0

  constructor(options: ServeOptions, sockets: HostSockets, log: Logger) {
    this.#options = options
    this.#sockets = sockets
    this.#log = log
    this.#replaces = options.requestsBeforeRestart !== undefined
    const registry = new MetricsRegistry()
    registerProcessMetrics(registry, VERSION)
    registry
      .gauge({ ...OPERATION_GAUGES.workers, labels: [] })
      .series([])
      .readFrom(() => this.#workers.size)
    const exits = registry.counter(OPERATION_COUNTERS.workerExits)
    const dropped = registry.counter({ ...OPERATION_COUNTERS.logLinesDropped, labels: [] }).series([])
    registry.beforeScrape(() => dropped.add(log.droppedLines - dropped.value))
    this.#exits = (cause) => exits.series([cause]).add(1)
    this.#metrics = new HostMetrics(registry)
  }

  /**
   * The first worker starts alone: it migrates the database, and what keeps it from starting is told once.
   *
   * @returns the exit code.
   */
  async run(): Promise<number> {
    const first = this.#start(this.#sockets.open())
    if (!(await first.ready) && !this.#stopping) {
      const { code } = await first.ended
      return code === null || code === 0 ? 1 : code
    }
    this.#wanted = this.#options.workers
    if (!this.#stopping) this.#fill()
    return await this.#over.promise
  }

  stop(order: StopOrder): void {
    this.#stopping = true
    clearTimeout(this.#restart)
    for (const worker of this.#workers) {
      worker.leaving = true
      // Or else clients would wait in its queue once it listens no more.
      worker.sockets.close()
      worker.channel.tell('end', order)
    }
    const graceMs = order.kind === 'stop' ? order.graceMs : 0
    setTimeout(() => this.#killSlow(), graceMs + LAST_STEPS_MS).unref()
    this.#endIfOver()
  }

  kill(): void {
    for (const worker of this.#workers) worker.kill()
  }

  /** Starts as many workers as are missing. */
  #fill(): void {
    const staying = [...this.#workers].filter((worker) => !worker.leaving).length
    for (let count = staying; count < this.#wanted; count += 1) {
      const orphaned = this.#orphaned
      this.#orphaned = undefined
      this.#start(orphaned ?? this.#sockets.open())
    }
  }

  #start(sockets: WorkerSockets): WorkerProcess {
    this.#started += 1
    const worker = WorkerProcess.fork({
      id: this.#started,
      sockets,
      startedAtMs: Date.now(),
      write: (lines) => this.#log.writeBytes(lines),
    })
    this.#workers.add(worker)
    this.#answer(worker)
    void worker.ended.then((end) => this.#onEnd(worker, end))
    return worker
  }

  #answer(worker: WorkerProcess): void {
    const { channel, name } = worker
    channel.answer('ready', ({ database }) => this.#onReady(worker, database))
    channel.answer('replace', () => this.#replace(worker))
    channel.answer('metrics', () => this.#metrics.collect())
    channel.answer('limits', (steps) => this.#limits.take(name, steps))
    channel.answer('decision', (ticket) => this.#limits.decision(ticket))
    channel.answer('advance', (question) => this.#limits.advance(name, question))
    channel.answer('ticketKeys', () => this.#ticketKeys)
    channel.answer('drainAll', () => this.#drainAll())
    channel.answer('backlog', () => this.#backlog())
    channel.answer('counted', (bytes) => this.#metrics.counted(worker, bytes))
    channel.answer('farewell', (bytes) => this.#metrics.saidFarewell(worker, bytes))
  }

  /** @returns after how many requests the worker is to be replaced. */
  #onReady(worker: WorkerProcess, database: DatabaseKind): number | undefined {
    if (database === 'embedded') this.#keepToOneWorker()
    this.#metrics.came(worker)
    worker.isReady()
    if (this.#draining) worker.channel.tell('drain', undefined)
    const { requestsBeforeRestart, restartJitter } = this.#options
    if (!this.#replaces || requestsBeforeRestart === undefined) return undefined
    return requestsBeforeRestart + Math.floor(Math.random() * (restartJitter + 1))
  }

  /** The embedded database serves one process: a second worker could not open it, be it to take over or beside. */
  #keepToOneWorker(): void {
    const { workers, requestsBeforeRestart } = this.#options
    this.#options = { ...this.#options, workers: 1 }
    if (workers > 1)
      this.#log.warn(
        `num_workers ${workers} needs PostgreSQL: the embedded database serves one process, so one worker runs. Set DATABASE_URL.`,
      )
    if (this.#replaces && requestsBeforeRestart !== undefined)
      this.#log.warn(
        'max_requests_before_restart needs PostgreSQL: with the embedded database a worker cannot be replaced before it ends. It has no effect.',
      )
    this.#replaces = false
  }

  /** One after the other: the new worker listens on the sockets of the old one before that one stops to. */
  #replace(worker: WorkerProcess): void {
    const replace = async (): Promise<void> => {
      if (this.#stopping || worker.leaving || !this.#workers.has(worker)) return
      const successor = this.#start(worker.sockets)
      if (!(await successor.ready)) return this.#replaceLater(worker)
      if (this.#stopping || worker.leaving || !this.#workers.has(worker)) return
      worker.leaving = true
      this.#log.info('a worker is replaced', { old: worker.pid, new: successor.pid })
      worker.channel.tell('end', { kind: 'retire' })
    }
    this.#replacing = this.#replacing.then(replace)
  }

  #replaceLater(worker: WorkerProcess): void {
    this.#log.error('a new worker did not start: the old one goes on, and is replaced later')
    setTimeout(() => this.#replace(worker), REPLACE_AGAIN_MS).unref()
  }

  #recall(name: string, ids: readonly number[]): void {
    for (const worker of this.#workers) if (worker.name === name) worker.channel.tell('recall', ids)
  }

  async #drainAll(): Promise<number> {
    this.#draining = true
    const drained = [...this.#workers].map(async ({ channel }) => await channel.ask('drain', undefined))
    const counts = await Promise.allSettled(drained)
    return counts.reduce((sum, count) => sum + (count.status === 'fulfilled' ? count.value : 0), 0)
  }

  async #backlog(): Promise<number> {
    const asked = [...this.#workers].map(({ channel }) =>
      inTime(channel.ask('inFlight', undefined), WORKER_TIMEOUT_MS),
    )
    const counts = await Promise.all(asked)
    return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  }

  #onEnd(worker: WorkerProcess, { code, signal }: WorkerEnd): void {
    this.#workers.delete(worker)
    this.#metrics.gone(worker)
    this.#limits.gone(worker.name)
    if (this.#stopping) {
      this.#exitCode = Math.max(this.#exitCode, code ?? 1)
      return this.#endIfOver()
    }
    if (this.#wanted === 0) return
    this.#exits(worker.leaving ? 'replaced' : 'died')
    if (worker.leaving) return
    const delayMs = this.#delay.afterDeath(Date.now() - worker.startedAtMs)
    this.#bequeath(worker.sockets, delayMs)
    this.#log.error('a worker has died: another takes its place', {
      pid: worker.pid,
      code,
      signal,
      delay_ms: delayMs,
    })
    clearTimeout(this.#restart)
    this.#restart = setTimeout(() => this.#fill(), delayMs)
  }

  /** Clients in the queue of a dead worker are told at once, but for those whom only the next one can serve, and soon. */
  #bequeath(sockets: WorkerSockets, delayMs: number): void {
    const living = [...this.#workers]
    if (living.some((worker) => worker.sockets === sockets)) return
    if (living.length === 0 && delayMs === 0) this.#orphaned = sockets
    else sockets.close()
  }

  #endIfOver(): void {
    if (this.#workers.size === 0) this.#over.resolve(this.#exitCode)
  }

  #killSlow(): void {
    const pids = [...this.#workers].map(({ pid }) => pid)
    this.#log.error('workers did not end in time, and are killed', { pids })
    this.kill()
  }
}
