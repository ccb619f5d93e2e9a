/** The metrics of all workers of a host, in the process above them: they go from there to the worker that is scraped. */
import { deserialize, serialize } from 'node:v8'
import { MergedMetrics } from '../../telemetry/metrics/merged-metrics.ts'
import type { MetricsRegistry } from '../../telemetry/metrics/registry.ts'
import { takeSnapshot, type FamilySnapshot } from '../../telemetry/metrics/snapshot.ts'
import type { MetricsBytes } from './topics.ts'

export interface MetricsOfWorker {
  /** Asks the worker. */
  snapshot(): Promise<MetricsBytes>
}

/** A worker that is busy for longer is shown as it was at the scrape before. */
const WORKER_TIMEOUT_MS = 1_000

export class HostMetrics {
  readonly #own: MetricsRegistry
  readonly #workers = new Map<MetricsOfWorker, MetricsBytes | undefined>()
  #kept: readonly FamilySnapshot[] = []
  #collecting: Promise<readonly MetricsBytes[]> | undefined

  /** @param own metrics of the process above itself. */
  constructor(own: MetricsRegistry) {
    this.#own = own
  }

  came(worker: MetricsOfWorker): void {
    this.#workers.set(worker, undefined)
  }

  /** The last numbers of a worker that ends by itself. One that is killed has those of the last scrape. */
  saidFarewell(worker: MetricsOfWorker, bytes: MetricsBytes): void {
    this.#workers.set(worker, bytes)
  }

  /** What it had counted stays: a count that was shown never falls. */
  gone(worker: MetricsOfWorker): void {
    const last = this.#workers.get(worker)
    this.#workers.delete(worker)
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
    const living = [...this.#workers.values()].filter((bytes) => bytes !== undefined)
    return [...living, serialize(this.#kept), serialize(takeSnapshot(this.#own))]
  }

  async #refresh(worker: MetricsOfWorker): Promise<void> {
    const timeout = Promise.withResolvers<undefined>()
    const timer = setTimeout(timeout.resolve, WORKER_TIMEOUT_MS, undefined)
    const bytes = await Promise.race([worker.snapshot().catch(() => undefined), timeout.promise])
    clearTimeout(timer)
    if (bytes !== undefined && this.#workers.has(worker)) this.#workers.set(worker, bytes)
  }
}

/** @param bytes of this program, by `serialize`: they are what they say. */
export function readSnapshots(bytes: MetricsBytes): readonly FamilySnapshot[] {
  return deserialize(bytes) as readonly FamilySnapshot[]
}
