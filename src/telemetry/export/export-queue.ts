/**
 * Brings settled calls to one system: bounded, in batches, tried again. A call costs the call path an entry in a
 * list; everything else is done later, a batch at a time.
 */
import { isSuccess } from '../../record/call-record.ts'
import type { Batch, Exporter } from './exporter.ts'
import type { OutgoingRequest, Rejection } from './send-request.ts'
import { pause, sendWithRetries, Stop, type LossReason, type SendParts } from './send-with-retries.ts'
import type { SettledCall } from './settled-call.ts'

/** What a queue tells of itself. */
export interface ExportReport {
  exported(name: string, calls: number): void
  tryFailed(name: string, reason: string, isLast: boolean): void
  /** The calls will not arrive. */
  dropped(name: string, reason: 'queue_full' | LossReason, calls: number): void
  /** Of a message that arrived. */
  rejected(name: string, rejection: Rejection): void
}

/** Calls that wait for one system: at a kilobyte or so each, what a system may miss in seconds and not lose. */
const MOST_QUEUED = 20_000

/** Prompts and answers that wait for one system; calls beyond go without them. */
const MOST_CONTENT_BYTES = 64 * 1_048_576

/** What a waiting call takes beside them. */
const CALL_BYTES = 1_000

/** How long calls are gathered for a batch. */
const GATHER_MS = 1_000

/** Messages of a batch that are under way at the same time. */
const MOST_UNDER_WAY = 8

interface QueuedBatch {
  readonly batch: Batch
  /** Of its prompts and answers. */
  contentBytes: number
}

export class ExportQueue {
  readonly exporter: Exporter
  readonly #parts: SendParts
  readonly #report: ExportReport
  readonly #stop = new Stop()
  readonly #timer: NodeJS.Timeout | undefined
  /** What takes the calls that come; undefined when none has come since the last one was full, or sent. */
  #open: QueuedBatch | undefined
  readonly #full: QueuedBatch[] = []
  /** Calls that are not sent yet. */
  #queued = 0
  /** Of prompts and answers in the queue. */
  #contentBytes = 0
  #sending: Promise<void> | undefined
  #sendingPeriodic: Promise<void> | undefined

  constructor(exporter: Exporter, parts: SendParts, report: ExportReport) {
    this.exporter = exporter
    const { name, send } = exporter
    this.#parts = { ...parts, send, rejected: (rejection) => report.rejected(name, rejection) }
    this.#report = report
    const { periodic } = exporter
    if (periodic === undefined) return
    this.#timer = setInterval(() => void this.#sendPeriodic(), periodic.everyMs)
    this.#timer.unref()
  }

  /** Memory of the calls that wait, by their number, and of their prompts and answers. */
  get heldBytes(): number {
    return this.#queued * CALL_BYTES + this.#contentBytes
  }

  get queued(): number {
    return this.#queued
  }

  add(call: SettledCall): void {
    const { wants, name } = this.exporter
    if (!(isSuccess(call.end.ending) ? wants.success : wants.failure)) return
    if (this.exporter.takes?.(call) === false) return
    if (this.#queued >= MOST_QUEUED) {
      this.#report.dropped(name, 'queue_full', 1)
      return
    }
    this.#put(this.#withinMemory(call))
    this.#sending ??= this.#sendAll()
  }

  /** Sends what is queued within the time, and drops what does not arrive by then. */
  async close(timeoutMs: number): Promise<void> {
    clearInterval(this.#timer)
    await this.#stop.within(timeoutMs, this.#sendLast())
    this.exporter.close?.()
  }

  async #sendLast(): Promise<void> {
    await this.#sending
    // Those that are under way do not know of the last calls.
    await this.#sendingPeriodic
    await this.#sendPeriodic()
  }

  /** Without its prompt and answer, when those that wait take too much already. */
  #withinMemory(call: SettledCall): SettledCall {
    const bytes = contentBytes(call)
    if (bytes === 0) return call
    if (this.exporter.holdsContent !== true || this.#contentBytes + bytes > MOST_CONTENT_BYTES)
      return { start: call.start, end: { ...call.end, content: undefined } }
    return call
  }

  #put(call: SettledCall): void {
    const open = (this.#open ??= { batch: this.exporter.newBatch(), contentBytes: 0 })
    const bytes = contentBytes(call)
    open.batch.add(call)
    open.contentBytes += bytes
    this.#contentBytes += bytes
    this.#queued += 1
    if (open.batch.calls < this.exporter.mostCalls) return
    this.#full.push(open)
    this.#open = undefined
  }

  async #sendAll(): Promise<void> {
    while (this.#queued > 0) {
      if (this.#full.length === 0) await pause(this.#parts, this.exporter.gatherMs ?? GATHER_MS, this.#stop)
      const next = this.#next()
      if (next === undefined) break
      await this.#sendBatch(next.batch)
      this.#queued -= next.batch.calls
      this.#contentBytes -= next.contentBytes
    }
    // In the same step as the look at the queue: what comes later begins anew.
    this.#sending = undefined
  }

  #next(): QueuedBatch | undefined {
    const full = this.#full.shift()
    if (full !== undefined) return full
    const open = this.#open
    this.#open = undefined
    return open
  }

  async #sendBatch(batch: Batch): Promise<void> {
    const messages = await this.#messagesOf(batch)
    const callsEach = batch.calls / Math.max(1, messages.length)
    for (let index = 0; index < messages.length; index += MOST_UNDER_WAY) {
      const group = messages.slice(index, index + MOST_UNDER_WAY)
      await Promise.all(group.map((message) => this.#send(message, callsEach)))
    }
  }

  async #messagesOf(batch: Batch): Promise<readonly OutgoingRequest[]> {
    if (this.#stop.abort.aborted) {
      this.#report.dropped(this.exporter.name, 'stopping', batch.calls)
      return []
    }
    try {
      return await batch.messages(this.#parts.clock())
    } catch (error) {
      const { name } = this.exporter
      this.#report.tryFailed(name, error instanceof Error ? error.message : 'unknown error', true)
      this.#report.dropped(name, 'refused', batch.calls)
      return []
    }
  }

  /** One at a time: a receiver that is slow gets the next figures, not more of the old ones. */
  async #sendPeriodic(): Promise<void> {
    const { periodic } = this.exporter
    if (periodic === undefined) return
    this.#sendingPeriodic ??= periodic
      .messages()
      .then((messages) => Promise.all(messages.map((message) => this.#send(message, 0))))
      .then(() => undefined)
      .catch(() => this.#report.tryFailed(this.exporter.name, 'figures could not be written', true))
      .finally(() => {
        this.#sendingPeriodic = undefined
      })
    await this.#sendingPeriodic
  }

  async #send(message: OutgoingRequest, calls: number): Promise<void> {
    const { name } = this.exporter
    const end = await sendWithRetries(message, this.#parts, this.#stop, (reason, isLast) =>
      this.#report.tryFailed(name, reason, isLast),
    )
    if (end === 'sent') this.#report.exported(name, calls)
    else this.#report.dropped(name, end, calls)
  }
}

function contentBytes({ end: { content } }: SettledCall): number {
  return content === undefined ? 0 : content.request.length + (content.answer?.length ?? 0)
}
