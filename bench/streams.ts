/** Streams: what a relayed chunk costs, and what an open stream holds in memory. */
import { setTimeout as delay } from 'node:timers/promises'
import { LoadConnection, type CallListener } from './load-connection.ts'
import type {
  HeldStreamsFigures,
  HeldStreamsJob,
  LoadRequest,
  StreamsFigures,
  StreamsJob,
} from './load-job.ts'
import { cpuMicroseconds, residentBytes } from './process-figures.ts'
import { RequestSource } from './request-source.ts'

/** How many streams are opened at once while a large number is built up: below every server's accept queue. */
const OPENED_AT_ONCE = 50

/** How long all streams flow before memory is read: a few chunks each. */
const HELD_MS = 2_000

/** Streams that are opened together, once or again and again. */
export class StreamRound implements CallListener {
  readonly #connections: LoadConnection[]
  readonly #flowing = new Set<LoadConnection>()
  #left = 0
  #ended = Promise.withResolvers<void>()
  #allFlow = Promise.withResolvers<void>()
  chunks = 0
  failures = 0

  constructor(request: LoadRequest, streams: number) {
    const source = new RequestSource(request)
    this.#connections = Array.from({ length: streams }, () => new LoadConnection(source, this))
  }

  /** Opens every stream once. `flowing` is when each has given an event, `ended` when each has come to its end. */
  async open(): Promise<{ flowing: Promise<void>; ended: Promise<void> }> {
    this.#left = this.#connections.length
    this.#flowing.clear()
    this.#ended = Promise.withResolvers<void>()
    this.#allFlow = Promise.withResolvers<void>()
    for (const [index, connection] of this.#connections.entries()) {
      connection.send()
      if ((index + 1) % OPENED_AT_ONCE === 0) await delay(5)
    }
    return { flowing: this.#allFlow.promise, ended: this.#ended.promise }
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  onEvents(connection: LoadConnection, count: number): void {
    this.chunks += count
    this.#flowing.add(connection)
    if (this.#flowing.size === this.#connections.length) this.#allFlow.resolve()
  }

  onCallEnd(_connection: LoadConnection, status: number): void {
    if (status !== 200) this.failures += 1
    this.#endOne()
  }

  onBroken(): void {
    this.failures += 1
    this.#endOne()
  }

  #endOne(): void {
    this.#left -= 1
    if (this.#left > 0) return
    this.#allFlow.resolve()
    this.#ended.resolve()
  }
}

export async function runStreams(job: StreamsJob): Promise<StreamsFigures> {
  const round = new StreamRound(job.request, job.streams)
  await (
    await round.open()
  ).ended
  const startedAtMs = performance.now()
  const cpuBefore = cpuMicroseconds(job.serverPid)
  const chunksBefore = round.chunks
  for (let count = 0; count < job.rounds; count += 1) await (await round.open()).ended
  const chunks = round.chunks - chunksBefore
  const cpu = cpuMicroseconds(job.serverPid) - cpuBefore
  const seconds = (performance.now() - startedAtMs) / 1000
  round.close()
  return {
    kind: 'streams',
    chunks,
    chunksPerSecond: chunks / seconds,
    cpuMicrosecondsPerChunk: cpu / chunks,
    failures: round.failures,
  }
}

export async function runHeldStreams(job: HeldStreamsJob): Promise<HeldStreamsFigures> {
  const residentBytesBefore = residentBytes(job.serverPid)
  const round = new StreamRound(job.request, job.streams)
  const { flowing } = await round.open()
  await flowing
  await delay(HELD_MS)
  const residentBytesDuring = residentBytes(job.serverPid)
  round.close()
  return {
    kind: 'held-streams',
    streams: job.streams,
    residentBytesBefore,
    residentBytesDuring,
    failures: round.failures,
  }
}
