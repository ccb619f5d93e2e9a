/** Takes an answer apart as it comes: its head, its body without framing, its end. */
import type { IncomingHttpHeaders } from 'node:http'
import { CHUNKED, NOT_TOLD, readAnswerHead, UNTIL_CLOSE, type AnswerHead } from './answer-head.ts'
import type { AnswerHeads } from './answer-heads.ts'
import { ChunkedBody } from './chunked-body.ts'
import { badAnswer } from './upstream-error.ts'

/** Is told what the parser finds. It may stop the parser while it is told. */
export interface AnswerSink {
  answerHead(status: number, headers: IncomingHttpHeaders): void
  /** The bytes are lent, as for an `UpstreamHandler`. */
  answerData(bytes: Buffer, start: number, end: number): void
  /** @param sound nothing came after the answer, and its end was not the connection's. */
  answerEnd(sound: boolean): void
}

const MAX_HEAD_BYTES = 65_536

type Expected = 'nothing' | 'head' | 'length' | 'chunks' | 'close'

export class AnswerParser {
  readonly #sink: AnswerSink
  readonly #heads: AnswerHeads
  readonly #chunks = new ChunkedBody()
  #expected: Expected = 'nothing'
  #left = 0
  /** What has come of a head that did not come in one piece. */
  #held: Buffer | undefined
  #heldBytes = 0
  /** How long the provider keeps the connection, as its answer says: see `AnswerHead`. */
  keepAliveMs = NOT_TOLD

  /** @param heads of the origin whose answers are taken apart. */
  constructor(sink: AnswerSink, heads: AnswerHeads) {
    this.#sink = sink
    this.#heads = heads
  }

  /** An answer is expected from here on. */
  begin(): void {
    this.#expected = 'head'
  }

  /** Nothing is told from here on. */
  stop(): void {
    this.#expected = 'nothing'
    this.#held = undefined
  }

  /**
   * Bytes have come, at the beginning of `bytes`, which may be changed.
   *
   * @throws UpstreamError `BAD_ANSWER`; what was told before stands.
   */
  push(bytes: Buffer, end: number): void {
    let at = 0
    while (this.#expected === 'head') {
      at = this.#takeHead(bytes, at, end)
      if (at < 0 || (at === end && this.#expected === 'head')) return
    }
    this.#takeBody(bytes, at, end)
  }

  /** The connection ended. @returns whether that is the end of the answer. */
  finish(): boolean {
    if (this.#expected !== 'close') return false
    this.#ended(false)
    return true
  }

  /** @returns the position after the head, or -1 when there is more of it to come. */
  #takeHead(bytes: Buffer, at: number, end: number): number {
    const head = this.#heldBytes === 0 ? this.#heads.read(bytes, at, end) : undefined
    if (head === undefined) return this.#takeHeldHead(bytes, at, end)
    this.#begun(head)
    return head.end
  }

  /** Reads the head together with what came of it before. */
  #takeHeldHead(bytes: Buffer, at: number, end: number): number {
    const held = (this.#held ??= Buffer.allocUnsafe(MAX_HEAD_BYTES))
    const before = this.#heldBytes
    this.#heldBytes += bytes.copy(held, before, at, end)
    const head = readAnswerHead(held, 0, this.#heldBytes)
    if (head === undefined) {
      if (this.#heldBytes === MAX_HEAD_BYTES)
        throw badAnswer(`its head is longer than ${MAX_HEAD_BYTES} bytes`)
      return -1
    }
    this.#held = undefined
    this.#heldBytes = 0
    this.#begun(head)
    return at + head.end - before
  }

  #begun(head: AnswerHead): void {
    if (head.status === 101) throw badAnswer('it changes the protocol')
    // What comes before the answer itself (100, 103) is passed over.
    if (head.status < 200) return
    this.keepAliveMs = head.keepAliveMs
    const { bodyBytes } = head
    if (bodyBytes === CHUNKED) {
      this.#chunks.begin()
      this.#expected = 'chunks'
    } else if (bodyBytes === UNTIL_CLOSE) {
      this.#expected = 'close'
    } else {
      this.#left = bodyBytes
      this.#expected = 'length'
    }
    this.#sink.answerHead(head.status, head.headers)
  }

  #takeBody(bytes: Buffer, at: number, end: number): void {
    switch (this.#expected) {
      case 'length':
        return this.#takeLength(bytes, at, end)
      case 'chunks':
        return this.#takeChunks(bytes, at, end)
      case 'close':
        if (end > at) this.#sink.answerData(bytes, at, end)
        return undefined
      case 'head':
      case 'nothing':
        return undefined
    }
  }

  #takeLength(bytes: Buffer, at: number, end: number): void {
    const taken = Math.min(this.#left, end - at)
    this.#left -= taken
    if (taken > 0) this.#sink.answerData(bytes, at, at + taken)
    if (this.#left === 0) this.#ended(at + taken === end)
  }

  #takeChunks(bytes: Buffer, at: number, end: number): void {
    const chunks = this.#chunks
    const after = chunks.push(bytes, at, end)
    if (chunks.end > chunks.start) this.#sink.answerData(bytes, chunks.start, chunks.end)
    if (chunks.done) this.#ended(after === end)
  }

  #ended(sound: boolean): void {
    if (this.#expected === 'nothing') return
    this.#expected = 'nothing'
    this.#sink.answerEnd(sound)
  }
}
