/**
 * One try at one deployment: it is told of the provider's answer, and sorts it into what the call can do with it (a
 * whole answer, a stream, a failure). It knows nothing of retries or of the client's connection.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { nowMs } from '../record/clock.ts'
import type { AttemptFacts } from '../record/call-record.ts'
import type { Deployment } from '../routing/deployment.ts'
import type { AnswerFacts, StreamTap } from '../dialects/dialect.ts'
import type { UpstreamExchange, UpstreamHandler } from '../upstream/upstream.ts'
import {
  failureOfAnswer,
  failureOfError,
  failureOfSize,
  failureOfStreamEnd,
  type AttemptFailure,
} from './attempt-failure.ts'
import { headerText } from './answer-headers.ts'
import { quotaOf } from './provider-quota.ts'

/** Takes what of a stream is for the client, one character a byte. */
export interface StreamSink {
  /** @returns false when the client takes it slower than it comes: the attempt is to be paused. */
  write(chunk: string): boolean
}

/** What an attempt asks of the call it belongs to. */
export interface AttemptOwner {
  readonly stream: boolean
  readonly maxAnswerBytes: number
  openTap(): StreamTap
  /** The first content has come, and no failure can be retried. @returns where all that comes is to go. */
  attemptContent(attempt: Attempt): StreamSink
  attemptAnswered(attempt: Attempt, body: Buffer): void
  /** The stream ended with its dialect's last event. `held` was not sent yet. */
  attemptStreamed(attempt: Attempt, held: string): void
  attemptFailed(attempt: Attempt, failure: AttemptFailure): void
}

type Phase = 'waiting' | 'whole' | 'refusal' | 'stream' | 'over'

/** Bytes of a provider's refusal that are kept. */
const MAX_REFUSAL_BYTES = 1_048_576

/**
 * Bytes of a stream that are held back before its first content and at its end. A Responses stream echoes the
 * instructions and tools of the request in its first events, and the whole answer in its last one.
 */
const MAX_HELD_BYTES = 32 * 1_048_576

export class Attempt implements UpstreamHandler {
  readonly deployment: Deployment
  /** Of the span that stands for the attempt; undefined when tracing is off. */
  readonly spanId: string | undefined
  readonly startedAtMs: number
  readonly #owner: AttemptOwner
  #phase: Phase = 'waiting'
  #exchange: UpstreamExchange | undefined
  #chunks: Buffer[] = []
  /** What of a stream waits for its first content, or for its end. */
  #held = ''
  /** A whole answer of which the length was told, as far as it has come. */
  #whole: Buffer | undefined
  #bytes = 0
  #tap: StreamTap | undefined
  /** From the first content on. */
  #sink: StreamSink | undefined
  /** Status and headers of the provider's answer; zero and empty before they came. */
  status = 0
  headers: IncomingHttpHeaders = {}
  firstContentAtMs: number | undefined
  endedAtMs = 0
  /** What a whole answer told. */
  answer: AnswerFacts | undefined

  constructor(owner: AttemptOwner, deployment: Deployment, spanId?: string) {
    this.#owner = owner
    this.deployment = deployment
    this.spanId = spanId
    this.startedAtMs = nowMs()
  }

  get tap(): StreamTap | undefined {
    return this.#tap
  }

  /** Bytes of the answer held so far: all of it, for a whole one. */
  get keptBytes(): number {
    return this.#bytes + this.#held.length
  }

  get answered(): boolean {
    return this.status !== 0
  }

  /** The request is on its way. */
  sent(exchange: UpstreamExchange): void {
    this.#exchange = exchange
  }

  /** Cuts the connection; nothing is reported for this attempt afterwards. */
  abort(): void {
    if (this.#phase === 'over') return
    this.#over()
    this.#exchange?.abort()
  }

  /** Cuts the connection, and reports it as if `error` had befallen it. */
  fail(error: Error): void {
    if (this.#phase === 'over') return
    this.#broken(error)
    this.#exchange?.abort()
  }

  pause(): void {
    this.#exchange?.pause()
  }

  resume(): void {
    this.#exchange?.resume()
  }

  facts(errorClass: string | undefined): AttemptFacts {
    return {
      deployment: this.deployment.facts,
      startedAtMs: this.startedAtMs,
      endedAtMs: this.endedAtMs === 0 ? nowMs() : this.endedAtMs,
      httpStatus: this.answered ? this.status : undefined,
      errorClass,
      quota: this.answered ? quotaOf(this.headers) : undefined,
      spanId: this.spanId,
    }
  }

  onAnswerHead(status: number, headers: IncomingHttpHeaders): void {
    this.status = status
    this.headers = headers
    if (status >= 300) {
      this.#phase = 'refusal'
    } else if (
      this.#owner.stream &&
      (headerText(headers['content-type']) ?? '').startsWith('text/event-stream')
    ) {
      this.#phase = 'stream'
      this.#tap = this.#owner.openTap()
    } else {
      this.#phase = 'whole'
    }
  }

  onAnswerData(bytes: Buffer, start: number, end: number): void {
    switch (this.#phase) {
      case 'stream':
        return this.#onStreamChunk(bytes.toString('latin1', start, end))
      case 'whole':
        if (this.#bytes + end - start > this.#owner.maxAnswerBytes) return this.#failTooLarge()
        return this.#keepPart(bytes, start, end)
      case 'refusal':
        if (this.#bytes < MAX_REFUSAL_BYTES) this.#keep(copyOf(bytes, start, end))
        return undefined
      case 'waiting':
      case 'over':
        return undefined
    }
  }

  onAnswerEnd(): void {
    if (this.#phase === 'over') return
    const phase = this.#phase
    this.#over()
    if (phase === 'stream') return this.#onStreamEnd()
    const [first] = this.#chunks
    const body =
      this.#whole ?? (first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks))
    if (phase === 'refusal') this.#owner.attemptFailed(this, failureOfAnswer(this, body))
    else this.#owner.attemptAnswered(this, body)
  }

  onAnswerError(error: Error): void {
    if (this.#phase !== 'over') this.#broken(error)
  }

  /** The connection is no more. What a stream had told before of its end still holds. */
  #broken(error: Error): void {
    const tap = this.#phase === 'stream' ? this.#tap : undefined
    this.#over()
    const lacksNothing = tap?.finished === true && tap.usage !== undefined
    if (lacksNothing || tap?.streamError !== undefined) return this.#onStreamEnd()
    this.#owner.attemptFailed(this, failureOfError(this, error))
  }

  #onStreamChunk(chunk: string): void {
    const tap = this.#tap
    if (tap === undefined) return
    let passed = tap.push(chunk)
    if (this.#sink === undefined && tap.contentSeen) {
      this.firstContentAtMs = nowMs()
      this.#sink = this.#owner.attemptContent(this)
      passed = this.#held + passed
      this.#held = ''
    }
    if (passed === '') return
    // The end of a stream is held back until its record is written: a client that saw the end was accounted for.
    if (this.#sink !== undefined && !tap.finished && tap.streamError === undefined) {
      if (!this.#sink.write(passed)) this.pause()
    } else if (this.#held.length + passed.length > MAX_HELD_BYTES) {
      this.#failTooLarge()
    } else {
      this.#held += passed
    }
  }

  #onStreamEnd(): void {
    const tap = this.#tap
    if (tap !== undefined) this.#held += tap.end()
    if (tap !== undefined && tap.finished && tap.streamError === undefined) {
      this.#owner.attemptStreamed(this, this.#held)
    } else {
      this.#owner.attemptFailed(this, failureOfStreamEnd(this, tap?.streamError, this.#held))
    }
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /** Bytes whose number was told before are put together at once. */
  #keepPart(bytes: Buffer, start: number, end: number): void {
    if (this.#bytes === 0) {
      const length = Number(this.headers['content-length'])
      if (length <= this.#owner.maxAnswerBytes) this.#whole = Buffer.allocUnsafe(length)
    }
    if (this.#whole === undefined) return this.#keep(copyOf(bytes, start, end))
    bytes.copy(this.#whole, this.#bytes, start, end)
    this.#bytes += end - start
  }

  #failTooLarge(): void {
    const failure = failureOfSize(this.keptBytes)
    this.abort()
    this.#owner.attemptFailed(this, failure)
  }

  #over(): void {
    this.#phase = 'over'
    this.endedAtMs = nowMs()
  }
}

function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start)
  bytes.copy(copy, 0, start, end)
  return copy
}
