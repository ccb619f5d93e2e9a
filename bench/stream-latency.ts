/** How much later a client sees a stream: its first chunk, and each chunk by the time that the provider stamped on it. */
import { LoadConnection, type CallListener } from './load-connection.ts'
import type { LoadRequest, StreamLatencyFigures, StreamLatencyJob } from './load-job.ts'
import { monotonicMicroseconds, STAMP_DIGITS, STAMP_MARK } from './provider-answers.ts'
import { RequestSource } from './request-source.ts'
import { quantile } from './statistics.ts'
import { sendSteadily } from './steady-pace.ts'

/** What the last chunk of a stream took; undefined before the first one. */
interface StreamUnderWay {
  lastMs: number | undefined
}

class StampReader implements CallListener {
  readonly firstChunkMs: number[] = []
  readonly chunkMs: number[] = []
  readonly changesMs: number[] = []
  readonly #source: RequestSource
  readonly #idle: LoadConnection[] = []
  /** The streams whose times are kept. */
  readonly #underWay = new Map<LoadConnection, StreamUnderWay>()
  readonly #all: LoadConnection[] = []
  /** Of streams that begin while this is true the times are kept. */
  measuring = false
  failures = 0

  constructor(request: LoadRequest) {
    this.#source = new RequestSource(request)
  }

  open(): void {
    const connection = this.#idle.pop() ?? this.#connect()
    if (this.measuring) this.#underWay.set(connection, { lastMs: undefined })
    connection.send()
  }

  close(): void {
    for (const connection of this.#all) connection.close()
  }

  #connect(): LoadConnection {
    const connection = new LoadConnection(this.#source, this)
    this.#all.push(connection)
    return connection
  }

  /** A stamp that is cut by the end of the bytes is passed over: which ones are does not depend on how long they took. */
  onBody(connection: LoadConnection, bytes: Buffer, end: number): void {
    const stream = this.#underWay.get(connection)
    if (stream === undefined) return
    const nowMicroseconds = monotonicMicroseconds()
    for (let at = bytes.indexOf(STAMP_MARK); at !== -1 && at < end; at = bytes.indexOf(STAMP_MARK, at + 1)) {
      if (at + STAMP_DIGITS >= end) return
      const sentAt = Number(bytes.toString('latin1', at + 1, at + 1 + STAMP_DIGITS))
      this.#note(connection, stream, (nowMicroseconds - sentAt) / 1_000)
    }
  }

  #note(connection: LoadConnection, stream: StreamUnderWay, tookMs: number): void {
    if (stream.lastMs === undefined) this.firstChunkMs.push(performance.now() - connection.sentAtMs)
    else this.changesMs.push(Math.abs(tookMs - stream.lastMs))
    stream.lastMs = tookMs
    this.chunkMs.push(tookMs)
  }

  onEvents(): void {}

  onCallEnd(connection: LoadConnection, status: number): void {
    if (status !== 200) this.failures += 1
    this.#underWay.delete(connection)
    this.#idle.push(connection)
  }

  onBroken(connection: LoadConnection): void {
    this.failures += 1
    this.#underWay.delete(connection)
    this.#idle.push(connection)
  }
}

export async function runStreamLatency(job: StreamLatencyJob): Promise<StreamLatencyFigures> {
  const reader = new StampReader(job.request)
  await sendSteadily(job.streamsPerSecond, job, {
    send: () => reader.open(),
    measure: () => {
      reader.measuring = true
    },
  })
  reader.close()
  const first = reader.firstChunkMs.toSorted((a, b) => a - b)
  const chunks = reader.chunkMs.toSorted((a, b) => a - b)
  return {
    kind: 'stream-latency',
    streams: first.length,
    chunks: chunks.length,
    firstChunkP50Ms: quantile(first, 0.5),
    firstChunkP99Ms: quantile(first, 0.99),
    chunkP50Ms: quantile(chunks, 0.5),
    chunkP99Ms: quantile(chunks, 0.99),
    jitterMs: reader.changesMs.reduce((sum, change) => sum + change, 0) / reader.changesMs.length,
    failures: reader.failures,
  }
}
