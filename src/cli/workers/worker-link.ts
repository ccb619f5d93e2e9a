/** A worker's side of the link to the process above it: orders come from there, and what workers share lives there. */
import { serialize } from 'node:v8'
import type { LimitStore } from '../../limits/limit-store.ts'
import { renderMetrics, type MetricsPage } from '../../telemetry/metrics/exposition.ts'
import { MergedMetrics } from '../../telemetry/metrics/merged-metrics.ts'
import type { MetricsRegistry } from '../../telemetry/metrics/registry.ts'
import { takeCounts, takeSnapshot, takeSnapshotInTurns } from '../../telemetry/metrics/snapshot.ts'
import type { RunningGateway } from '../start-gateway.ts'
import type { StopOrder, StopOrders } from '../stop-order.ts'
import { Channel, type Pipe } from './channel.ts'
import { HostLimitStore } from './host-limit-store.ts'
import { readSnapshots } from './host-metrics.ts'
import { FIRST_SOCKET } from './host-sockets.ts'
import { ownWorkerId } from './worker-id.ts'

/** So much of what a worker has counted is lost at most when it is killed. */
const COUNTS_EVERY_MS = 1_000

/** Of a worker's time, what telling its counts may take: with many series they are told less often. */
const COUNTS_SHARE = 0.002

/** A socket that this process was started with, in the form in which servers are told to listen on it. */
export interface InheritedSocket {
  readonly fd: number
  /** Has no effect, and keeps Fastify from listening on each address of `localhost`. */
  readonly host: string
}

/** What the workers of a host do together. */
export interface SharedByWorkers {
  /** What to listen on: for the gateway, and for its metrics where they have a port of their own. */
  readonly sockets: readonly [InheritedSocket, InheritedSocket]
  readonly limitStore: LimitStore
  /** The metrics of all workers. */
  renderMetrics(accept: string | undefined): Promise<MetricsPage>
  /** Requests in flight in all workers. */
  backlog(): Promise<number>
  /** Takes all workers out of the traffic. @returns how many requests they have in flight still. */
  drain(): Promise<number>
}

export class WorkerLink implements SharedByWorkers, StopOrders {
  readonly sockets = [inherited(FIRST_SOCKET), inherited(FIRST_SOCKET + 1)] as const
  readonly limitStore: LimitStore
  readonly #channel: Channel
  #carryOut = (_order: StopOrder): void => process.exit(0)
  #registry: MetricsRegistry | undefined

  /** @param orphanGraceMs time for calls under way when the process above is gone. */
  constructor(pipe: Pipe, orphanGraceMs: number) {
    this.#channel = new Channel(pipe)
    this.limitStore = new HostLimitStore(this.#channel, Date.now)
    this.#channel.answer('end', (order) => this.#carryOut(order))
    pipe.on('disconnect', () => this.#carryOut({ kind: 'stop', graceMs: orphanGraceMs, noticeMs: 0 }))
    // A terminal sends it to all processes at once, and the process above passes on what it means.
    process.on('SIGINT', doNothing)
    // So does the stop of a service. Sent to this process alone, it asks for a successor.
    process.on('SIGTERM', () => this.#channel.tell('replace', undefined))
  }

  /** The link of this process, when it is a worker. */
  static ofThisProcess(orphanGraceMs: number): WorkerLink | undefined {
    return ownWorkerId() === undefined ? undefined : new WorkerLink(asPipe(process), orphanGraceMs)
  }

  /** Of the workers that start together. */
  get isFirst(): boolean {
    return ownWorkerId() === 1
  }

  /** TLS sessions that one worker has begun can be taken up by all. */
  ticketKeys(): Promise<Uint8Array> {
    return this.#channel.ask('ticketKeys', undefined)
  }

  obey(carryOut: (order: StopOrder) => void): void {
    this.#carryOut = carryOut
  }

  /** Tells the process above that this worker listens, and does from then on what it asks. */
  async ready(gateway: RunningGateway): Promise<void> {
    const { registry } = gateway.telemetry
    this.#registry = registry
    this.#channel.answer('snapshot', async () => serialize(await takeSnapshotInTurns(registry)))
    this.#channel.answer('inFlight', () => gateway.requestsInFlight())
    this.#channel.answer('drain', () => gateway.drain())
    const requests = await this.#channel.ask('ready', { database: gateway.database.kind })
    if (requests !== undefined) {
      gateway.afterRequests(requests, () => this.#channel.tell('replace', undefined))
    }
    this.#tellCounts(registry)
  }

  /** Tells what has been counted, and again some time later: the more often, the cheaper it is. */
  #tellCounts(registry: MetricsRegistry): void {
    const beganAtMs = performance.now()
    this.#channel.tell('counted', serialize(takeCounts(registry)))
    const tookMs = performance.now() - beganAtMs
    const waitMs = Math.max(COUNTS_EVERY_MS, tookMs / COUNTS_SHARE)
    setTimeout(() => this.#tellCounts(registry), waitMs).unref()
  }

  async renderMetrics(accept: string | undefined): Promise<MetricsPage> {
    const merged = new MergedMetrics()
    for (const bytes of await this.#channel.ask('metrics', undefined))
      await merged.addInTurns(readSnapshots(bytes))
    return await renderMetrics(merged, accept)
  }

  backlog(): Promise<number> {
    return this.#channel.ask('backlog', undefined)
  }

  drain(): Promise<number> {
    return this.#channel.ask('drainAll', undefined)
  }

  /** Leaves the last numbers behind. */
  async sayFarewell(): Promise<void> {
    if (this.#registry === undefined || !this.#channel.open) return
    await this.#channel.ask('farewell', serialize(takeSnapshot(this.#registry))).catch(doNothing)
  }
}

function inherited(fd: number): InheritedSocket {
  return { fd, host: '0.0.0.0' }
}

/** A process that was forked has a pipe: its types cannot know. */
function asPipe(child: NodeJS.Process): Pipe {
  return {
    get connected() {
      return child.connected
    },
    send: (message, onSent) => child.send?.(message, undefined, {}, onSent),
    on: (event: 'message' | 'disconnect', listener: (message: unknown) => void) => child.on(event, listener),
  }
}

function doNothing(): void {}
