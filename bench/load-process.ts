/** The load generator, a process of its own: takes a job as its argument, prints the figures as one line of JSON. */
import { runClosedLoop, runCountedCalls } from './closed-loop.ts'
import type { LoadFigures, LoadJob } from './load-job.ts'
import { runIdle } from './idle.ts'
import { runOpenLoop } from './open-loop.ts'
import { runSlowReaders } from './slow-readers.ts'
import { runStreamLatency } from './stream-latency.ts'
import { runHeldStreams, runStreams } from './streams.ts'

function runJob(job: LoadJob): Promise<LoadFigures> {
  switch (job.kind) {
    case 'closed-loop':
      return runClosedLoop(job)
    case 'counted-calls':
      return runCountedCalls(job)
    case 'open-loop':
      return runOpenLoop(job)
    case 'streams':
      return runStreams(job)
    case 'stream-latency':
      return runStreamLatency(job)
    case 'held-streams':
      return runHeldStreams(job)
    case 'idle':
      return runIdle(job)
    case 'slow-readers':
      return runSlowReaders(job)
  }
}

// The only writer of this argument is the benchmark itself (run-load.ts), which is typed by the same interface.
const job = JSON.parse(process.argv[2] ?? '') as LoadJob
process.stdout.write(`${JSON.stringify(await runJob(job))}\n`, () => process.exit(0))
