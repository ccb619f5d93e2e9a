/** What a parser tells of bytes that come in given pieces, in a form that can be compared. */
import type { IncomingHttpHeaders } from 'node:http'
import { AnswerHeads } from '../../src/upstream/answer-heads.ts'
import { AnswerParser, type AnswerSink } from '../../src/upstream/answer-parser.ts'

export interface Told {
  status: number
  headers: IncomingHttpHeaders
  body: string
  ending: 'open' | 'sound' | 'unsound' | 'BAD_ANSWER'
}

class Recorder implements AnswerSink {
  readonly told: Told = { status: 0, headers: {}, body: '', ending: 'open' }
  /** Data events: each tells of at least one byte. */
  events = 0

  answerHead(status: number, headers: IncomingHttpHeaders): void {
    if (this.told.status !== 0) throw new TypeError('a second head')
    this.told.status = status
    this.told.headers = { ...headers }
  }

  answerData(bytes: Buffer, start: number, end: number): void {
    if (end <= start || this.told.ending !== 'open') throw new TypeError('data that is none')
    this.events += 1
    this.told.body += bytes.toString('latin1', start, end)
  }

  answerEnd(sound: boolean): void {
    if (this.told.ending !== 'open') throw new TypeError('a second end')
    this.told.ending = sound ? 'sound' : 'unsound'
  }
}

/** What connections read into. What was read before lies behind what was read last. */
const BUFFER = Buffer.alloc(65_536, '\r\n\r\n')

/** Learns from all heads that are told: what was read before must not matter. */
const heads = new AnswerHeads()

/** Gives the pieces to a parser one after the other. @param ends whether the connection ends after them. */
export function tell(pieces: readonly Buffer[], ends = false): Told & { events: number } {
  const recorder = new Recorder()
  const parser = new AnswerParser(recorder, heads)
  parser.begin()
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; at += BUFFER.length) {
        const count = piece.copy(BUFFER, 0, at, at + BUFFER.length)
        parser.push(BUFFER, count)
      }
    }
    if (ends) parser.finish()
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'BAD_ANSWER') throw error
    recorder.told.ending = 'BAD_ANSWER'
  }
  return { ...recorder.told, events: recorder.events }
}

/** Cuts bytes at the positions given, in any order. */
export function cut(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const sorted = [...positions].filter((at) => at > 0 && at < bytes.length).sort((one, other) => one - other)
  return [0, ...sorted].map((start, index) => bytes.subarray(start, sorted[index] ?? bytes.length))
}
