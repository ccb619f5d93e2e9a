/** A worker as the process above sees it: its process, the channel to it, and how far it has come. */
import cluster, { type Worker } from 'node:cluster'
import { Channel, type Pipe } from './channel.ts'
import type { MetricsOfWorker } from './host-metrics.ts'
import { relayLines } from './line-relay.ts'
import type { MetricsBytes } from './topics.ts'

export interface WorkerEnd {
  readonly code: number | null
  readonly signal: string | null
}

export class WorkerProcess implements MetricsOfWorker {
  readonly #worker: Worker
  readonly #readiness = Promise.withResolvers<boolean>()
  readonly channel: Channel
  /** Resolves when the process has ended and all that it printed is passed on. */
  readonly ended: Promise<WorkerEnd>
  readonly startedAtMs: number
  /** True when it ends because it was told to. */
  leaving = false

  private constructor(worker: Worker, startedAtMs: number, write: (lines: string) => void) {
    this.#worker = worker
    this.startedAtMs = startedAtMs
    this.channel = new Channel(asPipe(worker))
    const printed = worker.process.stdout === null ? undefined : relayLines(worker.process.stdout, write)
    const exited = new Promise<WorkerEnd>((resolve) => {
      worker.once('exit', (code: number | null, signal: string | null) => resolve({ code, signal }))
    })
    this.ended = exited.then(async (end) => {
      this.#readiness.resolve(false)
      await printed
      return end
    })
    // A worker that cannot be written to any more has ended, or is about to.
    worker.on('error', () => undefined)
  }

  /** @param write takes what the worker prints, in whole lines. */
  static fork(startedAtMs: number, write: (lines: string) => void): WorkerProcess {
    return new WorkerProcess(cluster.fork(), startedAtMs, write)
  }

  get name(): string {
    return String(this.#worker.id)
  }

  get pid(): number | undefined {
    return this.#worker.process.pid
  }

  /** Resolves to true when the worker listens, to false when it has ended before. */
  get ready(): Promise<boolean> {
    return this.#readiness.promise
  }

  isReady(): void {
    this.#readiness.resolve(true)
  }

  snapshot(): Promise<MetricsBytes> {
    return this.channel.ask('snapshot', undefined)
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }
}

function asPipe(worker: Worker): Pipe {
  return {
    get connected() {
      return worker.isConnected()
    },
    send: (message, onSent) => worker.process.send(message, undefined, {}, onSent),
    on: (event: 'message' | 'disconnect', listener: (message: unknown) => void) =>
      worker.process.on(event, listener),
  }
}
