/** The limits of all workers, counted in the process above them. */
import type { AdmitAnswer } from '../../limits/limit-store.ts'
import { MemoryLimitStore } from '../../limits/memory-store.ts'
import type { LimitStep } from './topics.ts'

export class HostLimits {
  readonly #store: MemoryLimitStore

  constructor(clock: () => number) {
    this.#store = new MemoryLimitStore(clock)
  }

  /** @returns an answer for each admission among the steps, in their order. */
  take(worker: string, steps: readonly LimitStep[]): readonly AdmitAnswer[] {
    const answers: AdmitAnswer[] = []
    for (const step of steps) {
      if (step.kind === 'admit') answers.push(this.#store.admit(step.message, worker))
      else this.#store.settle(step.settlement, worker)
    }
    return answers
  }

  /** What a worker held when it died is free again. */
  gone(worker: string): void {
    this.#store.forget(worker)
  }
}
