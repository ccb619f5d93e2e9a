/** Throughput: a fixed number of connections that are never idle. */
import { setTimeout as delay } from 'node:timers/promises'
import { LoadConnection, type CallListener } from './load-connection.ts'
import type { ClosedLoopFigures, ClosedLoopJob, CountedCallsFigures, CountedCallsJob } from './load-job.ts'
import { busiest, cpuMicroseconds, servingProcesses } from './process-figures.ts'
import { RequestSource } from './request-source.ts'

/** Long enough for all that is done a few times a second, such as rows for the database and collections. */
const SLICE_MS = 500

/** Sends the next call of each connection as soon as its last one has ended. */
class ClosedLoop implements CallListener {
  calls = 0
  failures = 0
  running = true

  onCallEnd(connection: LoadConnection, status: number): void {
    this.calls += 1
    if (status !== 200) this.failures += 1
    if (this.running) connection.send()
  }

  onEvents(): void {}

  onBroken(connection: LoadConnection): void {
    this.failures += 1
    if (this.running) connection.send()
  }
}

export async function runClosedLoop(job: ClosedLoopJob): Promise<ClosedLoopFigures> {
  const loop = new ClosedLoop()
  const source = new RequestSource(job.request)
  const connections = Array.from({ length: job.connections }, () => new LoadConnection(source, loop))
  for (const connection of connections) connection.send()
  await delay(job.warmUpMs)
  const startedAtMs = performance.now()
  const cpuBefore = cpuMicroseconds(job.serverPid)
  const servingBefore = servingProcesses(job.serverPid)
  const callsBefore = loop.calls
  const calmest = await calmestSlice(job, loop)
  const calls = loop.calls - callsBefore
  const cpu = cpuMicroseconds(job.serverPid) - cpuBefore
  const serving = servingProcesses(job.serverPid)
  const most = busiest(servingBefore, serving)
  const seconds = (performance.now() - startedAtMs) / 1000
  loop.running = false
  for (const connection of connections) connection.close()
  return {
    kind: 'closed-loop',
    calls,
    callsPerSecond: calls / seconds,
    cpuMicrosecondsPerCall: cpu / calls,
    calmestMicrosecondsPerCall: calmest,
    servers: serving.size,
    busiestMicrosecondsPerOwnCall:
      most === undefined ? Number.NaN : most.cpuMicroseconds / (most.share * calls),
    failures: loop.failures,
  }
}

/**
 * Lasts as long as the job says. What other programs of the machine take from this one comes and goes within seconds.
 *
 * @returns CPU µs a call in the slice in which it was least; NaN where none had calls.
 */
async function calmestSlice({ serverPid, durationMs }: ClosedLoopJob, loop: ClosedLoop): Promise<number> {
  const slices = Math.max(1, Math.floor(durationMs / SLICE_MS))
  const costs: number[] = []
  let cpuBefore = cpuMicroseconds(serverPid)
  let callsBefore = loop.calls
  for (let slice = 0; slice < slices; slice += 1) {
    await delay(durationMs / slices)
    const [cpu, calls] = [cpuMicroseconds(serverPid), loop.calls]
    // A process that has just ended takes its time with it.
    if (calls > callsBefore && cpu > cpuBefore) costs.push((cpu - cpuBefore) / (calls - callsBefore))
    cpuBefore = cpu
    callsBefore = calls
  }
  return costs.length === 0 ? Number.NaN : Math.min(...costs)
}

/** Ends when all calls have. */
class CountedCalls implements CallListener {
  readonly #ended = Promise.withResolvers<void>()
  readonly ended = this.#ended.promise
  #toSend: number
  #toEnd: number
  failures = 0

  constructor(calls: number) {
    this.#toSend = calls
    this.#toEnd = calls
  }

  send(connection: LoadConnection): void {
    if (this.#toSend === 0) return
    this.#toSend -= 1
    connection.send()
  }

  onCallEnd(connection: LoadConnection, status: number): void {
    if (status !== 200) this.failures += 1
    this.#endOne(connection)
  }

  onEvents(): void {}

  onBroken(connection: LoadConnection): void {
    this.failures += 1
    this.#endOne(connection)
  }

  #endOne(connection: LoadConnection): void {
    this.#toEnd -= 1
    if (this.#toEnd === 0) this.#ended.resolve()
    else this.send(connection)
  }
}

export async function runCountedCalls(job: CountedCallsJob): Promise<CountedCallsFigures> {
  const calls = new CountedCalls(job.calls)
  const source = new RequestSource(job.request)
  for (let number = 0; number < job.connections; number += 1) calls.send(new LoadConnection(source, calls))
  await calls.ended
  return { kind: 'counted-calls', failures: calls.failures }
}
