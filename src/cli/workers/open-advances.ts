/** The advances that workers have, as the process above them keeps them: by worker, and by the scopes that they ask. */
import type { AdmitMessage, ScopeAsk } from '../../limits/limit-store.ts'

export interface OpenAdvance {
  readonly id: number
  readonly worker: string
  /** The last one that it was admitted with. */
  message: AdmitMessage
  isRecalled: boolean
  /** Resolves when the worker has closed it, is gone, or does not answer. */
  readonly closed: Promise<void>
  readonly end: () => void
}

export class OpenAdvances {
  readonly #ofWorkers = new Map<string, Map<number, OpenAdvance>>()
  readonly #ofScopes = new Map<string, Set<OpenAdvance>>()

  get(worker: string, id: number): OpenAdvance | undefined {
    return this.#ofWorkers.get(worker)?.get(id)
  }

  open(worker: string, id: number, message: AdmitMessage): OpenAdvance {
    const { promise, resolve } = Promise.withResolvers<void>()
    const advance = { id, worker, message, isRecalled: false, closed: promise, end: resolve }
    let ofWorker = this.#ofWorkers.get(worker)
    if (ofWorker === undefined) this.#ofWorkers.set(worker, (ofWorker = new Map()))
    ofWorker.set(id, advance)
    for (const { scope } of message.asks) {
      let ofScope = this.#ofScopes.get(scope)
      if (ofScope === undefined) this.#ofScopes.set(scope, (ofScope = new Set()))
      ofScope.add(advance)
    }
    return advance
  }

  /** It holds nobody up any more. */
  close(advance: OpenAdvance): void {
    const { worker, id, message } = advance
    const ofWorker = this.#ofWorkers.get(worker)
    ofWorker?.delete(id)
    if (ofWorker?.size === 0) this.#ofWorkers.delete(worker)
    for (const { scope } of message.asks) {
      const ofScope = this.#ofScopes.get(scope)
      ofScope?.delete(advance)
      if (ofScope?.size === 0) this.#ofScopes.delete(scope)
    }
    advance.end()
  }

  gone(worker: string): void {
    for (const advance of this.#ofWorkers.get(worker)?.values() ?? NONE) this.close(advance)
  }

  /** Those that ask any of these scopes. */
  touching(asks: readonly ScopeAsk[]): readonly OpenAdvance[] {
    if (this.#ofScopes.size === 0) return NONE
    const found = new Set<OpenAdvance>()
    for (const { scope } of asks) for (const advance of this.#ofScopes.get(scope) ?? NONE) found.add(advance)
    return [...found]
  }
}

const NONE: readonly OpenAdvance[] = []
