/** A call of the relay that has a gateway's duties: what is known of it, and how it is written down. */
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Booking } from './booking.ts'
import { putCount, putDollars, putMs } from './forms.ts'
import type { Journal, Segment } from './journal.ts'
import { costOf, inputTokensOf, type Key, type Route } from './key.ts'
import type { Lines } from './report.ts'
import type { Asking, SharedCounts } from './shared-counts.ts'

const ORIGIN_MS = performance.timeOrigin
const QUOTE = 34
const ID_LENGTH = 36
const MARK_LENGTH = 2

/** What the provider says of an answer. */
export interface Told {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly finishReason: string
}

export class DutiesCall implements Asking {
  readonly #id = randomUUID()
  readonly client: Socket
  readonly key: Key
  readonly route: Route
  /** What it may use and cost at most. */
  readonly tokens: number
  readonly picodollars: number
  readonly #input: number
  readonly #startedMs = nowMs()
  #sentMs = 0
  #firstMs = 0
  #doneMs = 0
  #endedMs = 0
  #requestsLeft = 0
  #tokensLeft = 0
  #go: ((call: DutiesCall, isAdmitted: boolean) => void) | undefined
  #told: Told = { inputTokens: 0, outputTokens: 0, finishReason: '' }
  #cost = 0
  #startSegment: Segment | undefined
  /** Of its row in the journal's buffer. */
  #rowStart = 0
  #rowEnd = 0
  /** What goes out when its start is in the journal: to the provider. */
  body: Buffer
  /** Where the model stands in the body. */
  modelStart = 0
  modelEnd = 0
  /** What goes out when its end is in the journal: to the client. */
  last: Buffer | undefined

  constructor(client: Socket, key: Key, route: Route, body: Buffer, maxTokens: number) {
    this.client = client
    this.key = key
    this.route = route
    this.body = body
    this.#input = inputTokensOf(body.length)
    this.tokens = this.#input + maxTokens
    this.picodollars = costOf(this.#input, maxTokens)
  }

  /** @param go is told whether Redis lets it in. */
  ask(counts: SharedCounts, go: (call: DutiesCall, isAdmitted: boolean) => void): void {
    this.#go = go
    counts.ask(this)
  }

  counted(isAdmitted: boolean, requestsLeft: number, tokensLeft: number): void {
    this.#requestsLeft = requestsLeft
    this.#tokensLeft = tokensLeft
    this.#go?.(this, isAdmitted)
  }

  /** @returns whether the budget lets it in; then its start is in the journal of this turn. */
  begin(journal: Journal): boolean {
    if (!this.key.reserve(this.picodollars)) return false
    const input = this.#input
    const form = this.route.forms.begun
    const at = journal.append(form)
    const { buffer } = journal
    const { ends } = form
    this.putId(buffer, at + ends.id)
    putMs(buffer, at + ends.started, this.#startedMs)
    putMs(buffer, at + ends.ended, this.#startedMs)
    putMs(buffer, at + ends.sent, this.#startedMs)
    putCount(buffer, at + ends.input, input)
    putCount(buffer, at + ends.cost, costOf(input, 0))
    return true
  }

  /** Its start is in this file. */
  begun(segment: Segment): void {
    segment.calls += 1
    this.#startSegment = segment
    this.#sentMs = nowMs()
  }

  /** The provider's answer has begun. */
  answered(): void {
    this.#firstMs = nowMs()
  }

  /** Its end is in the journal of this turn. */
  settle(journal: Journal, told: Told): void {
    this.#told = told
    this.#cost = costOf(told.inputTokens, told.outputTokens)
    this.#doneMs = this.#endedMs = nowMs()
    this.key.settle(this.picodollars, this.#cost)
    this.key.counts?.settle(this, told.inputTokens + told.outputTokens, this.#cost)
    const form = this.route.forms.settled
    const at = journal.append(form)
    const { buffer } = journal
    const { ends } = form
    this.putId(buffer, at + ends.id)
    putMs(buffer, at + ends.started, this.#startedMs)
    putMs(buffer, at + ends.ended, this.#endedMs)
    if (this.route.isStream) putMs(buffer, at + ends.first, this.#firstMs)
    putMs(buffer, at + ends.sent, this.#sentMs)
    putMs(buffer, at + ends.done, this.#doneMs)
    putMs(buffer, at + ends.overhead, this.#overheadMs)
    putCount(buffer, at + ends.cost, this.#cost)
    putCount(buffer, at + ends.input, told.inputTokens)
    putCount(buffer, at + ends.output, told.outputTokens)
    this.#rowStart = at + MARK_LENGTH
    this.#rowEnd = at + form.bytes.length - 1
  }

  /** Its end is in this file. */
  settled(segment: Segment, journal: Journal, booking: Booking): void {
    segment.calls += 1
    this.#startSegment?.release(1)
    booking.add(journal.buffer, this.#rowStart, this.#rowEnd, segment)
  }

  /** The head of its answer, at the beginning of a buffer; what a stream has cost is not known then. */
  putHead(buffer: Buffer, bodyBytes: number): void {
    const { bytes, ends } = this.route.forms.answer
    const { spent } = this.key
    const atMs = this.#endedMs === 0 ? this.#firstMs : this.#endedMs
    bytes.copy(buffer)
    if (!this.route.isStream) {
      putCount(buffer, ends.length, bodyBytes)
      putDollars(buffer, ends.cost, 0, this.#cost)
    }
    this.putId(buffer, ends.id)
    putMs(buffer, ends.overhead, this.#endedMs === 0 ? this.#queueMs : this.#overheadMs)
    putMs(buffer, ends.duration, atMs - this.#startedMs)
    if (this.key.counts !== undefined) {
      putCount(buffer, ends.requests, this.#requestsLeft)
      putCount(buffer, ends.tokens, this.#tokensLeft)
    }
    putDollars(buffer, ends.spend, spent.dollars, spent.picodollars)
    buffer.write(dateText(atMs), ends.date - DATE_LENGTH, 'latin1')
  }

  /** Log line and metrics: its client has its answer. */
  report(lines: Lines): void {
    const { route } = this
    const { inputTokens, outputTokens, finishReason } = this.#told
    const total = this.#endedMs - this.#startedMs
    const provider = this.#doneMs - this.#sentMs
    const firstContent = route.isStream ? this.#firstMs - this.#sentMs : undefined
    const stages = { total, provider, firstContent, queue: this.#queueMs, overhead: this.#overheadMs }
    route.metrics.count(stages, inputTokens, outputTokens, this.#cost)
    const { line } = route.forms
    const { ends } = line
    const at = lines.append(line)
    const { buffer } = lines
    putTime(buffer, at + ends.time, this.#endedMs)
    this.putId(buffer, at + ends.id)
    putCount(buffer, at + ends.prompt, inputTokens)
    putCount(buffer, at + ends.completion, outputTokens)
    putCount(buffer, at + ends.input, inputTokens)
    putCount(buffer, at + ends.output, outputTokens)
    putDollars(buffer, at + ends.cost, 0, this.#cost)
    buffer[putDollars(buffer, at + ends.text, 0, this.#cost) - 1] = QUOTE
    putMs(buffer, at + ends.duration, total)
    putMs(buffer, at + ends.provider, provider)
    if (firstContent !== undefined) putMs(buffer, at + ends.first, firstContent)
    putMs(buffer, at + ends.overhead, stages.overhead)
    putMs(buffer, at + ends.queue, stages.queue)
    buffer.write(`"${finishReason}"`, at + ends.reason - WORD_LENGTH, 'latin1')
  }

  putId(buffer: Buffer, end: number): void {
    buffer.write(this.#id, end - ID_LENGTH, 'latin1')
  }

  get #overheadMs(): number {
    return this.#endedMs - this.#startedMs - (this.#doneMs - this.#sentMs)
  }

  get #queueMs(): number {
    return this.#sentMs - this.#startedMs
  }
}

const DATE_LENGTH = 29
const WORD_LENGTH = 20
const ISO_LENGTH = 24

/** Of the last second that was told. */
let second = 0
let date = ''
let iso = ''

function dateText(atMs: number): string {
  tellSecond(atMs)
  return date
}

function putTime(buffer: Buffer, end: number, atMs: number): void {
  tellSecond(atMs)
  buffer.write(iso, end - ISO_LENGTH, 'latin1')
  const ms = Math.floor(atMs) - second * 1_000
  buffer[end - 4] = 48 + Math.floor(ms / 100)
  buffer[end - 3] = 48 + (Math.floor(ms / 10) % 10)
  buffer[end - 2] = 48 + (ms % 10)
}

function tellSecond(atMs: number): void {
  const now = Math.floor(atMs / 1_000)
  if (now === second) return
  second = now
  date = new Date(now * 1_000).toUTCString()
  iso = new Date(now * 1_000).toISOString()
}

function nowMs(): number {
  return ORIGIN_MS + performance.now()
}
