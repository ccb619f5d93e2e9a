/** A worker as the process above sees it: its process, the channel to it, and how far it has come. */
import { fork, type ChildProcess } from 'node:child_process'
import { Channel, type Pipe } from './channel.ts'
import type { MetricsOfWorker } from './host-metrics.ts'
import type { WorkerSockets } from './host-sockets.ts'
import { relayLines } from './line-relay.ts'
import type { MetricsBytes } from './topics.ts'
import { WORKER_ID } from './worker-id.ts'

export interface WorkerEnd {
  readonly code: number | null
  readonly signal: string | null
}

export interface WorkerOptions {
  /** Of all workers ever started: 1 for the first one. */
  readonly id: number
  readonly sockets: WorkerSockets
  /** Epoch milliseconds. */
  readonly startedAtMs: number
  /** Takes what the worker prints, in whole lines. */
  readonly write: (lines: Buffer) => void
}

export class WorkerProcess implements MetricsOfWorker {
  readonly #child: ChildProcess
  readonly #readiness = Promise.withResolvers<boolean>()
  readonly name: string
  readonly sockets: WorkerSockets
  readonly channel: Channel
  /** Resolves when the process has ended and all that it printed is passed on. */
  readonly ended: Promise<WorkerEnd>
  readonly startedAtMs: number
  /** True when it ends because it was told to. */
  leaving = false

  private constructor(child: ChildProcess, options: WorkerOptions) {
    this.#child = child
    this.name = String(options.id)
    this.sockets = options.sockets
    this.startedAtMs = options.startedAtMs
    this.channel = new Channel(asPipe(child))
    const printed = child.stdout === null ? undefined : relayLines(child.stdout, options.write)
    const exited = new Promise<WorkerEnd>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    this.ended = exited.then(async (end) => {
      this.#readiness.resolve(false)
      await printed
      return end
    })
    // A worker that cannot be written to any more has ended, or is about to.
    child.on('error', () => undefined)
  }

  /** Starts this program again, as a worker. */
  static fork(options: WorkerOptions): WorkerProcess {
    const child = fork(process.argv[1] ?? '', process.argv.slice(2), {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'inherit', 'ipc', ...options.sockets.descriptors],
      env: { ...process.env, [WORKER_ID]: String(options.id) },
    })
    return new WorkerProcess(child, options)
  }

  get pid(): number | undefined {
    return this.#child.pid
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
    this.#child.kill('SIGKILL')
  }
}

function asPipe(child: ChildProcess): Pipe {
  return {
    get connected() {
      return child.connected
    },
    send: (message, onSent) => child.send(message, undefined, {}, onSent),
    on: (event: 'message' | 'disconnect', listener: (message: unknown) => void) => child.on(event, listener),
  }
}
