/** The metrics of all workers of a host, in the process above them: they go from there to the worker that is scraped. */
import { deserialize, serialize } from 'node:v8'
import { MergedMetrics } from '../../telemetry/metrics/merged-metrics.ts'
import type { MetricsRegistry } from '../../telemetry/metrics/registry.ts'
import { takeSnapshot, type FamilySnapshot } from '../../telemetry/metrics/snapshot.ts'
import { inTime } from './in-time.ts'
import type { MetricsBytes } from './topics.ts'

/** What is known of a worker. */
interface Known {
  /** All its numbers: of the last scrape, or its last ones. */
  shown: MetricsBytes | undefined
  /** What it had counted some time after that. */
  counted: MetricsBytes | undefined
}

export interface MetricsOfWorker {
  /** Asks the worker. */
  snapshot(): Promise<MetricsBytes>
}

/** A worker that is busy for longer is shown as it was at the scrape before. */
const WORKER_TIMEOUT_MS = 1_000

export class HostMetrics {
  readonly #own: MetricsRegistry
  readonly #workers = new Map<MetricsOfWorker, Known>()
  #kept: readonly FamilySnapshot[] = []
  #collecting: Promise<readonly MetricsBytes[]> | undefined

  /** @param own metrics of the process above itself. */
  constructor(own: MetricsRegistry) {
    this.#own = own
  }

  came(worker: MetricsOfWorker): void {
    this.#workers.set(worker, { shown: undefined, counted: undefined })
  }

  /** The last numbers of a worker that ends by itself. */
  saidFarewell(worker: MetricsOfWorker, bytes: MetricsBytes): void {
    this.#workers.set(worker, { shown: bytes, counted: undefined })
  }

  /** What a worker tells unasked: all that is left of it when it is killed. */
  counted(worker: MetricsOfWorker, bytes: MetricsBytes): void {
    const known = this.#workers.get(worker)
    if (known !== undefined) known.counted = bytes
  }

  /** What it had counted stays: a count that was shown never falls. */
  gone(worker: MetricsOfWorker): void {
    const known = this.#workers.get(worker)
    this.#workers.delete(worker)
    const last = known?.counted ?? known?.shown
    if (last === undefined) return
    const merged = new MergedMetrics()
    merged.addCounts(this.#kept)
    merged.addCounts(readSnapshots(last))
    this.#kept = merged.toSnapshots()
  }

  /** Of all workers, of those that are gone, and of this process. Scrapes at the same time get the same answer. */
  collect(): Promise<readonly MetricsBytes[]> {
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined
    })
    return this.#collecting
  }

  async #collect(): Promise<readonly MetricsBytes[]> {
    const workers = [...this.#workers.keys()]
    await Promise.all(workers.map(async (worker) => await this.#refresh(worker)))
    const living = [...this.#workers.values()].flatMap(({ shown }) => shown ?? [])
    return [...living, serialize(this.#kept), serialize(takeSnapshot(this.#own))]
  }

  async #refresh(worker: MetricsOfWorker): Promise<void> {
    const bytes = await inTime(worker.snapshot(), WORKER_TIMEOUT_MS)
    if (bytes !== undefined && this.#workers.has(worker))
      this.#workers.set(worker, { shown: bytes, counted: undefined })
  }
}

/** @param bytes of this program, by `serialize`: they are what they say. */
export function readSnapshots(bytes: MetricsBytes): readonly FamilySnapshot[] {
  return deserialize(bytes) as readonly FamilySnapshot[]
}
