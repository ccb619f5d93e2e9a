/** Connections to the provider of the relay that has a gateway's duties, and the answers that come over them. */
import { connect, type Socket } from 'node:net'
import type { DutiesCall, Told } from './call.ts'

const HEAD_END = '\r\n\r\n'
const LAST_CHUNK = '0\r\n\r\n'

/** All connections read into it: what is to be kept is copied. */
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536)

export type Settle = (call: DutiesCall, told: Told) => void

const idle: Upstream[] = []

/** A connection that is kept for the next call when its answer has ended. */
export class Upstream {
  readonly socket: Socket
  readonly #settle: Settle
  #call: DutiesCall | undefined
  /** Head and body of a whole answer, as it goes to the client; undefined before the answer begins, and for a stream. */
  #answer: Buffer | undefined
  #bodyAt = 0
  #length = 0
  #isStreaming = false
  /** The chunk before: the usage may have come in two pieces. */
  #before = READ_BUFFER.subarray(0, 0)

  private constructor(port: number, settle: Settle) {
    this.#settle = settle
    const callback = (count: number): boolean => {
      this.#take(count)
      return true
    }
    this.socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer: READ_BUFFER, callback },
    })
    this.socket.on('error', () => this.#call?.client.destroy())
  }

  /** A free connection, or a new one, for the call. */
  static take(call: DutiesCall, port: number, settle: Settle): Upstream {
    const upstream = idle.pop() ?? new Upstream(port, settle)
    upstream.#call = call
    return upstream
  }

  #take(count: number): void {
    const call = this.#call
    if (call === undefined) return
    if (this.#isStreaming) this.#takeChunk(call, count)
    else if (this.#answer === undefined) this.#begin(call, count)
    else this.#takeBody(call, this.#answer, 0, count)
  }

  #begin(call: DutiesCall, count: number): void {
    const text = READ_BUFFER.toString('latin1', 0, count)
    const headEnd = text.indexOf(HEAD_END)
    const head = text.slice(0, headEnd)
    if (!head.startsWith('HTTP/1.1 200 '))
      throw new Error('the provider of the benchmark answers well, and heads whole')
    call.answered()
    const bodyAt = headEnd + HEAD_END.length
    const headBytes = call.route.forms.answer.bytes.length
    if (call.route.isStream) {
      const answer = Buffer.allocUnsafe(headBytes + count - bodyAt)
      call.putHead(answer, 0)
      READ_BUFFER.copy(answer, headBytes, bodyAt, count)
      this.#isStreaming = true
      call.client.write(answer)
      return
    }
    const answer = Buffer.allocUnsafe(headBytes + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]))
    this.#answer = answer
    this.#bodyAt = headBytes
    this.#length = headBytes
    this.#takeBody(call, answer, bodyAt, count)
  }

  #takeBody(call: DutiesCall, answer: Buffer, from: number, to: number): void {
    this.#length += READ_BUFFER.copy(answer, this.#length, from, to)
    if (this.#length < answer.length) return
    this.#answer = undefined
    this.#free()
    this.#settle(call, toldBy(answer.toString('utf8', this.#bodyAt)))
    call.putHead(answer, answer.length - this.#bodyAt)
    call.last = answer
  }

  #takeChunk(call: DutiesCall, count: number): void {
    const chunk = Buffer.allocUnsafe(count)
    READ_BUFFER.copy(chunk, 0, 0, count)
    if (!endsStream(chunk)) {
      this.#before = chunk
      call.client.write(chunk)
      return
    }
    const events = this.#before.toString('latin1') + chunk.toString('latin1')
    this.#isStreaming = false
    this.#before = READ_BUFFER.subarray(0, 0)
    this.#free()
    call.last = chunk
    this.#settle(call, toldByStream(events))
  }

  #free(): void {
    this.#call = undefined
    idle.push(this)
  }
}

function endsStream(chunk: Buffer): boolean {
  const from = chunk.length - LAST_CHUNK.length
  return (
    from >= 0 && chunk[from] === LAST_CHUNK.charCodeAt(0) && chunk.toString('latin1', from) === LAST_CHUNK
  )
}

/** By the events at the end: the last one that tells the usage, and whichever says why it ended. */
function toldByStream(events: string): Told {
  const from = events.lastIndexOf('data: ', events.lastIndexOf('"usage":')) + 'data: '.length
  const mark = '"finish_reason":"'
  const reason = events.lastIndexOf(mark) + mark.length
  const finishReason = events.slice(reason, events.indexOf('"', reason))
  return { ...toldBy(events.slice(from, events.indexOf('\n', from))), finishReason }
}

/** By a JSON object. @throws Error when it does not tell: nothing would be paid. */
function toldBy(json: string): Told {
  const { usage, choices } = JSON.parse(json) as Completion
  const finishReason = choices[0]?.finish_reason ?? ''
  return { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens, finishReason }
}

/** As the provider of the benchmark writes it. */
interface Completion {
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number }
  readonly choices: readonly { readonly finish_reason: string }[]
}
