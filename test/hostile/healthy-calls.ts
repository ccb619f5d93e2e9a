/** Calls of well-behaved clients, one after the other, while somebody else attacks. */
import { expect } from 'vitest'
import type { TestGateway } from '../running-gateway.ts'

export class HealthyCalls {
  readonly #done: Promise<void>
  #stopped = false
  #served = 0
  readonly #failures: string[] = []

  constructor(gateway: TestGateway) {
    this.#done = this.#run(gateway)
  }

  /** Fails unless every call was served, and at least one was. */
  async expectUnhurt(): Promise<void> {
    this.#stopped = true
    await this.#done
    expect(this.#failures).toEqual([])
    expect(this.#served).toBeGreaterThan(0)
  }

  async #run(gateway: TestGateway): Promise<void> {
    do {
      const answer = await gateway.call('/v1/chat/completions', {
        model: 'gpt',
        messages: [{ role: 'user', content: '[[sim tokens=5]]' }],
      })
      const text = await answer.text()
      if (answer.status === 200 && text.includes('"usage"')) this.#served += 1
      else this.#failures.push(`${answer.status} ${text}`)
    } while (!this.#stopped)
  }
}

/** Bytes by which the process may grow under attack: many times what the test sends, far less than what it threatens. */
export const MAX_GROWTH_BYTES = 400 * 1024 * 1024

/** Fails when the process has grown by more than the bound since. @returns the check. */
export function watchMemory(): () => void {
  const before = process.memoryUsage.rss()
  return () => expect(process.memoryUsage.rss() - before).toBeLessThan(MAX_GROWTH_BYTES)
}
