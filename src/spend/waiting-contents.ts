/**
 * Bodies of settled calls that are to be kept. They are no money: they stand in no journal, are read only when their
 * call is booked, a slice at a time, and are given up, and counted, where memory has no room for them.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CallEnd } from '../record/call-record.ts'
import { readContent, type CallBodies, type ContentLimits } from './call-content.ts'
import type { ContentTexts } from './call-row.ts'

/** Longest time that the reading of bodies holds the event loop, where no single text takes longer. */
const SLICE_MS = 5

export class WaitingContents {
  readonly #maxBytes: number
  #bytes = 0
  #dropped = 0
  limits: ContentLimits

  /** @param maxBytes bodies of all waiting calls together. */
  constructor(maxBytes: number, limits: ContentLimits) {
    this.#maxBytes = maxBytes
    this.limits = limits
  }

  /** Calls whose contents were given up. */
  get dropped(): number {
    return this.#dropped
  }

  /** Bodies that wait. */
  get heldBytes(): number {
    return this.#bytes
  }

  /** The bodies of a call, which hold their memory until `release`; undefined when there are none, or no room. */
  take({ requestBody, responseBody }: CallEnd): CallBodies | undefined {
    if (requestBody === undefined && responseBody === undefined) return undefined
    const bytes = (requestBody?.length ?? 0) + (responseBody?.length ?? 0)
    if (this.#bytes + bytes > this.#maxBytes) {
      this.#dropped += 1
      return undefined
    }
    this.#bytes += bytes
    return { requestBody, responseBody, bytes }
  }

  /** Reads bodies without holding up other calls. A content that cannot be made is given up: its call is not. */
  async read(bodies: CallBodies): Promise<ContentTexts | undefined> {
    const reading = readContent(bodies, this.limits)
    try {
      let untilMs = performance.now() + SLICE_MS
      for (;;) {
        const step = reading.next()
        if (step.done === true) return step.value
        if (performance.now() < untilMs) continue
        await nextTurn()
        untilMs = performance.now() + SLICE_MS
      }
    } catch {
      this.#dropped += 1
      return undefined
    }
  }

  release(bodies: CallBodies): void {
    this.#bytes -= bodies.bytes
  }

  /** Gives up bodies that were taken. */
  drop(bodies: CallBodies): void {
    this.#dropped += 1
    this.release(bodies)
  }
}
