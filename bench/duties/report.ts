/** Log lines and metrics of the relay that has a gateway's duties. */
import { write } from 'node:fs'
import type { Form } from './forms.ts'

const FULL_BYTES = 64 * 1024
const LONGEST_WAIT_MS = 50
const STANDARD_OUTPUT = 1

/** Lines leave in one write, 20 times a second or when 64 KB are there, and never hold up the event loop. */
export class Lines {
  buffer: Buffer = Buffer.allocUnsafeSlow(2 * FULL_BYTES)
  #length = 0
  #free: Buffer[] = []
  readonly #waiting: Buffer[] = []
  #timer: NodeJS.Timeout | undefined

  /** Adds a line whose blanks are still empty. @returns where it begins in the buffer. */
  append({ bytes }: Form<string>): number {
    if (this.#length > FULL_BYTES) this.#handOn()
    this.#timer ??= setTimeout(() => this.#handOn(), LONGEST_WAIT_MS)
    const at = this.#length
    bytes.copy(this.buffer, at)
    this.#length += bytes.length
    return at
  }

  #handOn(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waiting.push(this.buffer.subarray(0, this.#length))
    this.buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(2 * FULL_BYTES)
    this.#length = 0
    if (this.#waiting.length === 1) this.#write()
  }

  #write(from = 0): void {
    const bytes = this.#waiting[0]
    if (bytes === undefined) return
    write(STANDARD_OUTPUT, bytes, from, (error, count) => {
      if (error !== null) throw error
      if (from + count < bytes.length) return this.#write(from + count)
      this.#waiting.shift()
      this.#free.push(Buffer.from(bytes.buffer))
      this.#write()
    })
  }
}

/** Bounds in seconds. */
const LATENCIES = Float64Array.of(
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2,
  5,
  10,
  30,
  60,
  120,
  300,
  420,
  600,
)
const PER_TOKEN = Float64Array.of(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

class Histogram {
  readonly #bounds: Float64Array
  /** The buckets, and the sum. */
  readonly #cells: Float64Array

  constructor(bounds = LATENCIES) {
    this.#bounds = bounds
    this.#cells = new Float64Array(bounds.length + 2)
  }

  observe(seconds: number): void {
    const bounds = this.#bounds
    const cells = this.#cells
    let bucket = 0
    while (bucket < bounds.length && seconds > (bounds[bucket] ?? Infinity)) bucket += 1
    cells[bucket] = (cells[bucket] ?? 0) + 1
    const sum = cells.length - 1
    cells[sum] = (cells[sum] ?? 0) + seconds
  }
}

/** Milliseconds of the stages of a call. */
export interface Stages {
  readonly total: number
  readonly provider: number
  readonly queue: number
  readonly overhead: number
  /** Undefined where the answer is whole. */
  readonly firstContent: number | undefined
}

/** What is counted for a key and a model. */
const COUNTERS = [
  'proxy_requests',
  'requests',
  'deployment_requests',
  'deployment_successes',
  'picodollars',
  'tokens',
  'input_tokens',
  'output_tokens',
] as const

export class Metrics {
  readonly #counters = new Float64Array(COUNTERS.length)
  readonly #firstContent = new Histogram()
  readonly #queue = new Histogram()
  readonly #overhead = new Histogram()
  readonly #total = new Histogram()
  readonly #duration = new Histogram()
  readonly #provider = new Histogram()
  readonly #attempt = new Histogram()
  readonly #perToken = new Histogram(PER_TOKEN)

  count(stages: Stages, input: number, output: number, picodollars: number): void {
    this.#add(0, 1)
    this.#add(1, 1)
    this.#add(2, 1)
    this.#add(3, 1)
    this.#add(4, picodollars)
    this.#add(5, input + output)
    this.#add(6, input)
    this.#add(7, output)
    if (stages.firstContent !== undefined) this.#firstContent.observe(stages.firstContent / 1_000)
    this.#queue.observe(stages.queue / 1_000)
    this.#overhead.observe(stages.overhead / 1_000)
    this.#total.observe(stages.total / 1_000)
    this.#duration.observe(stages.total / 1_000)
    this.#provider.observe(stages.provider / 1_000)
    this.#attempt.observe(stages.provider / 1_000)
    if (output > 0) this.#perToken.observe(stages.provider / 1_000 / output)
  }

  /** The counters as lines of a page. */
  page(labels: string): string {
    return COUNTERS.map((name, index) => `${name}{${labels}} ${this.#counters[index]}\n`).join('')
  }

  #add(index: number, value: number): void {
    this.#counters[index] = (this.#counters[index] ?? 0) + value
  }
}
