/** Calls that come one by one, before each of which the program's simulated cache is filled with other memory. */
import { statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { LoadConnection, type CallListener } from './load-connection.ts'
import { RequestSource } from './request-source.ts'
import { loadRequest } from './run-load.ts'
import { SMALL_BODY } from './section.ts'
import type { RunningTarget } from './target.ts'

const POLL_MS = 2
const REST_MS = 10
const TIMEOUT_MS = 20_000

export class SingleCalls implements CallListener {
  readonly #pid: number
  readonly #sweptFile: string
  readonly #connection: LoadConnection
  #ended = Promise.withResolvers<void>()

  /** @param sweptFile grows by a byte with each sweep that the program has done (`sweep-caches.js`). */
  constructor(target: RunningTarget, sweptFile: string) {
    this.#pid = target.pid
    this.#sweptFile = sweptFile
    this.#connection = new LoadConnection(new RequestSource(loadRequest(target, 'whole', SMALL_BODY)), this)
  }

  /** @throws Error when a call is not answered with 200, or nothing comes within 20 seconds. */
  async make(count: number): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      await this.#sweep()
      this.#ended = Promise.withResolvers()
      this.#connection.send()
      const late = setTimeout(() => this.#ended.reject(new Error('a call was not answered')), TIMEOUT_MS)
      await this.#ended.promise.finally(() => clearTimeout(late))
      await delay(REST_MS)
    }
  }

  /** As `make`, without the calls. @throws Error when a sweep is not done within 20 seconds. */
  async sweep(count: number): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      await this.#sweep()
      await delay(REST_MS)
    }
  }

  onCallEnd(_connection: LoadConnection, status: number): void {
    if (status === 200) this.#ended.resolve()
    else this.#ended.reject(new Error(`a call was answered with ${status}`))
  }

  onEvents(): void {}

  onBroken(_connection: LoadConnection, error: Error): void {
    this.#ended.reject(error)
  }

  [Symbol.dispose](): void {
    this.#connection.close()
  }

  async #sweep(): Promise<void> {
    const before = statSync(this.#sweptFile).size
    process.kill(this.#pid, 'SIGUSR2')
    const deadlineMs = performance.now() + TIMEOUT_MS
    while (statSync(this.#sweptFile).size === before) {
      if (performance.now() > deadlineMs) throw new Error('the simulated cache was not swept')
      await delay(POLL_MS)
    }
  }
}
