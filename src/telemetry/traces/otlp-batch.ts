/**
 * Calls that are written down soon after they settled: not while anyone waits for one of them, and before their records
 * have grown old in memory.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Batch } from '../export/exporter.ts'
import type { OutgoingRequest } from '../export/send-request.ts'
import type { SettledCall } from '../export/settled-call.ts'
import type { OtlpEncoding, OtlpMessages } from './otlp-encoding.ts'

/** What writes calls down; it comes when the SDK is loaded. */
export interface LoadingEncoding {
  readonly whenLoaded: Promise<OtlpEncoding>
  loaded: OtlpEncoding | undefined
}

/** Calls that are written in one go; others have their turn between two of these. */
const CALLS_IN_ONE_GO = 16

export class OtlpBatch implements Batch {
  readonly #encoding: LoadingEncoding
  #messages: OtlpMessages | undefined
  #unwritten: SettledCall[] = []
  #isDue = false
  #fault: Error | undefined
  calls = 0

  constructor(encoding: LoadingEncoding) {
    this.#encoding = encoding
  }

  add(call: SettledCall): void {
    this.calls += 1
    this.#unwritten.push(call)
    this.#writeInNextTurn()
  }

  async messages(): Promise<readonly OutgoingRequest[]> {
    const encoding = await this.#encoding.whenLoaded
    while (this.#unwritten.length > 0) {
      this.#writeSome(encoding)
      await nextTurn()
    }
    if (this.#fault !== undefined) throw this.#fault
    return (await this.#messages?.finish()) ?? []
  }

  #writeInNextTurn(): void {
    if (this.#isDue || this.#encoding.loaded === undefined) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      const { loaded } = this.#encoding
      if (loaded !== undefined) this.#writeSome(loaded)
      if (this.#unwritten.length > 0) this.#writeInNextTurn()
    })
  }

  #writeSome(encoding: OtlpEncoding): void {
    const some = this.#unwritten.slice(0, CALLS_IN_ONE_GO)
    this.#unwritten = this.#unwritten.slice(CALLS_IN_ONE_GO)
    try {
      this.#messages ??= encoding.begin()
      for (const call of some) this.#messages.write(call)
    } catch (error) {
      // Told to whoever asks for the messages.
      this.#fault = error instanceof Error ? error : new Error('a call could not be written')
    }
  }
}
