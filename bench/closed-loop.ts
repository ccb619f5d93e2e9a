/** Throughput: a fixed number of connections that are never idle. */
import { setTimeout as delay } from 'node:timers/promises'
import { LoadConnection, type CallListener } from './load-connection.ts'
import type { ClosedLoopFigures, ClosedLoopJob } from './load-job.ts'
import { cpuMicroseconds } from './process-figures.ts'
import { RequestSource } from './request-source.ts'

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
  const callsBefore = loop.calls
  await delay(job.durationMs)
  const calls = loop.calls - callsBefore
  const cpu = cpuMicroseconds(job.serverPid) - cpuBefore
  const seconds = (performance.now() - startedAtMs) / 1000
  loop.running = false
  for (const connection of connections) connection.close()
  return {
    kind: 'closed-loop',
    calls,
    callsPerSecond: calls / seconds,
    cpuMicrosecondsPerCall: cpu / calls,
    failures: loop.failures,
  }
}
