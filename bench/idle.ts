/** What a program uses while nobody calls it. */
import { setTimeout as delay } from 'node:timers/promises'
import type { IdleFigures, IdleJob } from './load-job.ts'
import { cpuMicroseconds } from './process-figures.ts'

export async function runIdle({ serverPid, durationMs }: IdleJob): Promise<IdleFigures> {
  const startedAtMs = performance.now()
  const before = cpuMicroseconds(serverPid)
  await delay(durationMs)
  const cpu = cpuMicroseconds(serverPid) - before
  const seconds = (performance.now() - startedAtMs) / 1000
  return { kind: 'idle', cpuMicrosecondsPerSecond: cpu / seconds, failures: 0 }
}
