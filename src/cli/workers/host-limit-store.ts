/**
 * Limits that all workers of a host share, as one worker sees them: they are counted in the process above. What the
 * calls of one turn of the event loop ask goes there in one message.
 */
import type { AdmitAnswer, AdmitMessage, LimitStore, Settlement } from '../../limits/limit-store.ts'
import type { Channel } from './channel.ts'
import type { LimitStep } from './topics.ts'

interface Waiter {
  resolve(answer: AdmitAnswer): void
  reject(error: unknown): void
}

export class HostLimitStore implements LimitStore {
  /** Each worker's own store starts empty, should the process above be gone: then the worker ends soon, too. */
  readonly mirrored = false
  readonly #channel: Channel
  readonly #send = (): void => void this.#sendSteps()
  #steps: LimitStep[] = []
  #waiters: Waiter[] = []

  constructor(channel: Channel) {
    this.#channel = channel
  }

  get available(): boolean {
    return this.#channel.open
  }

  admit(message: AdmitMessage): Promise<AdmitAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#add({ kind: 'admit', message })
    })
  }

  settle(settlement: Settlement): void {
    this.#add({ kind: 'settle', settlement })
  }

  close(): Promise<void> {
    return this.#sendSteps()
  }

  #add(step: LimitStep): void {
    if (this.#steps.length === 0) setImmediate(this.#send)
    this.#steps.push(step)
  }

  async #sendSteps(): Promise<void> {
    const steps = this.#steps
    const waiters = this.#waiters
    if (steps.length === 0) return
    this.#steps = []
    this.#waiters = []
    try {
      const answers = await this.#channel.ask('limits', steps)
      for (const [index, waiter] of waiters.entries()) {
        const answer = answers[index]
        if (answer === undefined) waiter.reject(new Error('an admission was not answered'))
        else waiter.resolve(answer)
      }
    } catch (error) {
      for (const waiter of waiters) waiter.reject(error)
    }
  }
}
