/** All systems that are told of settled calls. With none configured it is not there at all. */
import type { CallEnd, CallStart } from '../../record/call-record.ts'
import { ExportQueue, type ExportReport } from './export-queue.ts'
import type { Exporter } from './exporter.ts'
import { ReceiverConnections } from './receiver-connections.ts'
import { waitUnlessAborted, type SendParts } from './send-with-retries.ts'

export interface CallExportsOptions {
  readonly exporters: readonly Exporter[]
  readonly report: ExportReport
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly wait?: SendParts['wait']
}

export class CallExports {
  readonly #connections = new ReceiverConnections(8)
  readonly #parts: SendParts
  readonly #report: ExportReport
  #queues: readonly ExportQueue[]

  constructor({ exporters, report, clock, wait }: CallExportsOptions) {
    this.#parts = { connections: this.#connections, clock, wait: wait ?? waitUnlessAborted }
    this.#report = report
    this.#queues = this.#open(exporters)
  }

  get queued(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.queued, 0)
  }

  get heldBytes(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.heldBytes, 0)
  }

  callSettled(start: CallStart, end: CallEnd): void {
    if (this.#queues.length === 0) return
    const call = { start, end: withoutBodies(end) }
    for (const queue of this.#queues) queue.add(call)
  }

  /** Takes up a changed configuration: what waits goes where it was meant to go. */
  configure(exporters: readonly Exporter[], timeoutMs: number): void {
    const old = this.#queues
    this.#queues = this.#open(exporters)
    for (const queue of old) void queue.close(timeoutMs)
  }

  async close(timeoutMs: number): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close(timeoutMs)))
    await this.#connections.destroy()
  }

  #open(exporters: readonly Exporter[]): readonly ExportQueue[] {
    return exporters.map((exporter) => new ExportQueue(exporter, this.#parts, this.#report))
  }
}

/** A queue of prompts would be a queue of megabytes. */
function withoutBodies(end: CallEnd): CallEnd {
  if (end.requestBody === undefined && end.responseBody === undefined) return end
  return { ...end, requestBody: undefined, responseBody: undefined }
}
