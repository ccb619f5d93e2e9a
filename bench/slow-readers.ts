/** Clients that read little at a time of streams that never pause: what a relay then holds of each. */
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { LoadRequest, SlowReadersFigures, SlowReadersJob } from './load-job.ts'
import { residentBytes } from './process-figures.ts'
import { RequestSource } from './request-source.ts'

/** What each client reads at once, and how often. */
const READ_BYTES = 2_048
const READ_EACH_MS = 1_000
/** Clients take their turns, so that the reads of a second are spread over it. */
const TURNS = 20

const OPENED_AT_ONCE = 50
/** Memory is read each second for so long: it has stopped growing well before the end. */
const WATCHED_SECONDS = 12

const OK = Buffer.from('HTTP/1.1 200')

/** All clients read into it: what they read is not kept. */
const READ_BUFFER = Buffer.allocUnsafeSlow(READ_BYTES)

/** One client: it asks for a stream, and reads a piece of it whenever it is told to. */
class SlowReader {
  readonly #socket: Socket
  readonly #begun = Promise.withResolvers<void>()
  /** The first bytes have come, or never will. */
  readonly begun = this.#begun.promise
  readBytes = 0
  hasFailed = false

  constructor({ host, port }: LoadRequest, request: Buffer) {
    const callback = (count: number): boolean => {
      this.#received(count)
      return false
    }
    this.#socket = connect({ host, port, noDelay: true, onread: { buffer: READ_BUFFER, callback } })
    this.#socket.on('error', () => this.#fail())
    this.#socket.on('close', () => this.#fail())
    this.#socket.write(request)
  }

  read(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#socket.removeAllListeners('close').destroy()
  }

  #received(count: number): void {
    if (this.readBytes === 0 && !READ_BUFFER.subarray(0, OK.length).equals(OK)) this.#fail()
    this.readBytes += count
    this.#begun.resolve()
  }

  /** A stream that ends is a failure too: these never do. */
  #fail(): void {
    this.hasFailed = true
    this.#begun.resolve()
  }
}

export async function runSlowReaders(job: SlowReadersJob): Promise<SlowReadersFigures> {
  const residentBytesBefore = residentBytes(job.serverPid)
  const readers = await openAll(job)
  const timer = takeTurns(readers)
  const residentBytesEachSecond: number[] = []
  for (let second = 0; second < WATCHED_SECONDS; second += 1) {
    await delay(1_000)
    residentBytesEachSecond.push(residentBytes(job.serverPid))
  }
  clearInterval(timer)
  for (const reader of readers) reader.close()
  return {
    kind: 'slow-readers',
    streams: job.streams,
    residentBytesBefore,
    residentBytesEachSecond,
    readBytes: readers.reduce((sum, { readBytes }) => sum + readBytes, 0),
    failures: readers.filter(({ hasFailed }) => hasFailed).length,
  }
}

async function openAll({ request, streams }: SlowReadersJob): Promise<SlowReader[]> {
  const source = new RequestSource(request)
  const readers: SlowReader[] = []
  while (readers.length < streams) {
    const count = Math.min(OPENED_AT_ONCE, streams - readers.length)
    const next = Array.from({ length: count }, () => new SlowReader(request, source.next()))
    readers.push(...next)
    // Each floods its relay at first: opened all together, some would not be accepted for a minute.
    await Promise.all(next.map(({ begun }) => begun))
  }
  return readers
}

function takeTurns(readers: readonly SlowReader[]): NodeJS.Timeout {
  let turn = 0
  return setInterval(() => {
    for (let index = turn; index < readers.length; index += TURNS) readers[index]?.read()
    turn = (turn + 1) % TURNS
  }, READ_EACH_MS / TURNS)
}
