/** Latency: calls at a fixed rate, each on an idle connection or a new one, so that none waits for another's answer. */
import { LoadConnection, type CallListener } from './load-connection.ts'
import type { LoadRequest, OpenLoopFigures, OpenLoopJob } from './load-job.ts'
import { coreWaitMicroseconds, cpuMicroseconds } from './process-figures.ts'
import { RequestSource } from './request-source.ts'
import { sendSteadily } from './steady-pace.ts'
import { quantile } from './statistics.ts'

const OPEN_AT_START = 32

class OpenLoop implements CallListener {
  readonly latenciesMs: number[] = []
  readonly #idle: LoadConnection[] = []
  readonly #all: LoadConnection[] = []
  readonly #source: RequestSource
  /** Latencies are kept only while this is true. */
  measuring = false
  failures = 0

  constructor(request: LoadRequest) {
    this.#source = new RequestSource(request)
  }

  send(): void {
    const connection = this.#idle.pop() ?? this.#open()
    connection.send()
  }

  close(): void {
    for (const connection of this.#all) connection.close()
  }

  #open(): LoadConnection {
    const connection = new LoadConnection(this.#source, this)
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
  for (let index = 0; index < (job.openAtStart ?? OPEN_AT_START); index += 1) loop.send()
  let cpuBefore = 0
  let waitBefore: number | undefined
  await sendSteadily(job.callsPerSecond, job, {
    send: () => loop.send(),
    measure: () => {
      loop.measuring = true
      cpuBefore = cpuMicroseconds(job.serverPid)
      waitBefore = coreWaitMicroseconds(job.serverPid)
    },
  })
  const cpu = cpuMicroseconds(job.serverPid) - cpuBefore
  const waitAfter = coreWaitMicroseconds(job.serverPid)
  loop.close()
  const sorted = loop.latenciesMs.toSorted((a, b) => a - b)
  return {
    kind: 'open-loop',
    calls: sorted.length,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? Number.NaN,
    cpuMicrosecondsPerCall: cpu / sorted.length,
    ...(waitBefore === undefined || waitAfter === undefined
      ? {}
      : { coreWaitMicrosecondsPerCall: (waitAfter - waitBefore) / sorted.length }),
    failures: loop.failures,
  }
}
