/** Plays the frames of one stream to its caller: in time, with back-pressure, metered, and broken off where asked. */
import type { ServerResponse } from 'node:http'
import type { Fault, Instructions, MidAnswerFault } from './instructions.ts'
import type { MeterCall } from './meter.ts'
import type { Frame } from './wire/wire.ts'

export interface StreamParts {
  readonly response: ServerResponse
  readonly frames: Iterable<Frame>
  readonly instructions: Instructions
  /** The fault that strikes this attempt, if one does. */
  readonly fault: Fault | undefined
  readonly meter: MeterCall
  readonly errorEvent: string
  readonly malformedEvent: string
}

const DEFAULT_HOLD_MS = 600_000

export class StreamPlayer {
  readonly #parts: StreamParts
  readonly #frames: Iterator<Frame>
  #fault: Extract<Fault, { kind: 'mid' }> | undefined
  #next: Frame | undefined
  #chunksSent = 0
  /** True when the pause before the next chunk is over. */
  #paused = false
  #timer: NodeJS.Timeout | undefined

  constructor(parts: StreamParts) {
    this.#parts = parts
    this.#frames = parts.frames[Symbol.iterator]()
    this.#fault = parts.fault?.kind === 'mid' ? parts.fault : undefined
  }

  /** The head must be written already. */
  start(): void {
    const { response, meter } = this.#parts
    response.once('close', () => {
      clearTimeout(this.#timer)
      meter.end('aborted', response.statusCode)
    })
    response.flushHeaders()
    this.#next = this.#take()
    this.#run()
  }

  readonly #run = (): void => {
    while (this.#next !== undefined) {
      if (this.#parts.response.destroyed) return
      if (this.#faultIsDue(this.#next) && this.#breaks()) return
      if (this.#next.stage === 'content' && this.#pauses()) return
      const frame = this.#next
      this.#next = this.#take()
      if (!this.#send(frame)) {
        this.#parts.response.once('drain', this.#run)
        return
      }
    }
    this.#parts.meter.produceAll()
    this.#parts.meter.end('complete', 200)
    this.#parts.response.end()
  }

  #take(): Frame | undefined {
    const result = this.#frames.next()
    return result.done === true ? undefined : result.value
  }

  #send(frame: Frame): boolean {
    if (frame.stage === 'content') {
      this.#chunksSent += 1
      this.#paused = false
      this.#parts.meter.produce(frame.outputTokens, frame.reasoningTokens)
    }
    return this.#parts.response.write(frame.text)
  }

  /** Sets the timer for the next chunk, if one has to be waited for. */
  #pauses(): boolean {
    const { firstTokenMs = 0, intervalMs = 0 } = this.#parts.instructions
    const pauseMs = this.#chunksSent === 0 ? firstTokenMs : intervalMs
    if (pauseMs === 0 || this.#paused) return false
    this.#paused = true
    this.#timer = setTimeout(this.#run, pauseMs)
    return true
  }

  #faultIsDue(frame: Frame): boolean {
    if (this.#fault === undefined || frame.stage === 'opening') return false
    if (this.#fault.at === 'last') return frame.stage === 'last'
    if (frame.stage !== 'content') return true
    return this.#fault.at === this.#chunksSent
  }

  /** Does the fault; false when the stream goes on after it. */
  #breaks(): boolean {
    const name = this.#fault?.name
    this.#fault = undefined
    if (name === undefined) return false
    if (name === 'malformed') {
      this.#parts.response.write(this.#parts.malformedEvent)
      return false
    }
    this.#parts.meter.end('faulted', 200)
    this.#whenSent(() => this.#breakOff(name))
    return true
  }

  #breakOff(name: Exclude<MidAnswerFault, 'malformed'>): void {
    const { response, instructions, errorEvent } = this.#parts
    switch (name) {
      case 'cut':
        response.destroy()
        return
      case 'fin':
        response.end()
        return
      case 'error':
        response.end(errorEvent)
        return
      case 'stall':
        this.#timer = setTimeout(() => response.destroy(), instructions.holdMs ?? DEFAULT_HOLD_MS)
    }
  }

  /** The response writes at the end of the turn: what was said before a break must be on its way first. */
  #whenSent(action: () => void): void {
    const { response } = this.#parts
    setImmediate(() => {
      if (response.writableLength === 0 || response.destroyed) action()
      else response.once('drain', action)
    })
  }
}
