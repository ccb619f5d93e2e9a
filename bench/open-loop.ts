/** Latency: calls at a fixed rate, each on an idle connection or a new one, so that none waits for another's answer. */
import { LoadConnection, requestBytes, type CallListener } from './load-connection.ts'
import type { LoadRequest, OpenLoopFigures, OpenLoopJob } from './load-job.ts'
import { quantile } from './statistics.ts'

const OPEN_AT_START = 32

class OpenLoop implements CallListener {
  readonly latenciesMs: number[] = []
  readonly #idle: LoadConnection[] = []
  readonly #all: LoadConnection[] = []
  readonly #request: LoadRequest
  readonly #bytes: Buffer
  /** Latencies are kept only while this is true. */
  measuring = false
  failures = 0

  constructor(request: LoadRequest) {
    this.#request = request
    this.#bytes = requestBytes(request)
  }

  send(): void {
    const connection = this.#idle.pop() ?? this.#open()
    connection.send()
  }

  close(): void {
    for (const connection of this.#all) connection.close()
  }

  #open(): LoadConnection {
    const connection = new LoadConnection(this.#request, this.#bytes, this)
    this.#all.push(connection)
    return connection
  }

  onCallEnd(connection: LoadConnection, status: number): void {
    if (status !== 200) this.failures += 1
    if (this.measuring) this.latenciesMs.push(performance.now() - connection.sentAtMs)
    this.#idle.push(connection)
  }

  onEvents(): void {}

  onBroken(connection: LoadConnection): void {
    this.failures += 1
    this.#idle.push(connection)
  }
}

export async function runOpenLoop(job: OpenLoopJob): Promise<OpenLoopFigures> {
  const loop = new OpenLoop(job.request)
  for (let index = 0; index < OPEN_AT_START; index += 1) loop.send()
  await sendSteadily(job, loop)
  loop.close()
  const sorted = loop.latenciesMs.toSorted((a, b) => a - b)
  return {
    kind: 'open-loop',
    calls: sorted.length,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? Number.NaN,
    failures: loop.failures,
  }
}

/** A timer a millisecond releases what is due by then; a late timer releases more at once, and loses none. */
async function sendSteadily(job: OpenLoopJob, loop: OpenLoop): Promise<void> {
  const startedAtMs = performance.now()
  let sent = 0
  const ended = Promise.withResolvers<void>()
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedAtMs
    if (elapsedMs >= job.warmUpMs + job.durationMs) {
      clearInterval(timer)
      ended.resolve()
      return
    }
    loop.measuring = elapsedMs >= job.warmUpMs
    for (const due = Math.floor((elapsedMs * job.callsPerSecond) / 1000); sent < due; sent += 1) loop.send()
  }, 1)
  await ended.promise
}
