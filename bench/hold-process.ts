/**
 * Holds streams open until it is stopped: takes a job as its argument, opens all of its streams, again when they come
 * to their end, and prints a line once all of them flow.
 */
import type { HeldStreamsJob } from './load-job.ts'
import { StreamRound } from './streams.ts'

// The only writer of this argument is the benchmark itself (grown-targets.ts), which is typed by the same interface.
const job = JSON.parse(process.argv[2] ?? '') as HeldStreamsJob
const round = new StreamRound(job.request, job.streams)
for (;;) {
  const { flowing, ended } = await round.open()
  await flowing
  process.stdout.write('flowing\n')
  await ended
}
