/** Workers that count limits together, all of them in this process; time is what the test says. */
import { HostLimitStore } from '../../src/cli/workers/host-limit-store.ts'
import { HostLimits } from '../../src/cli/workers/host-limits.ts'
import { Channel } from '../../src/cli/workers/channel.ts'
import { joinedPipes, type End } from '../joined-pipes.ts'
import type { Clock } from './store-harness.ts'

export interface HostedWorker {
  readonly name: string
  readonly store: HostLimitStore
  readonly end: End
}

export class WorkersOfAHost {
  readonly limits: HostLimits
  readonly #clock: Clock
  readonly #channels = new Map<string, Channel>()
  /** How often advances were called back. */
  recalls = 0
  #started = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.limits = new HostLimits(
      () => clock.nowMs,
      (worker, ids) => {
        this.recalls += 1
        this.#channels.get(worker)?.tell('recall', ids)
      },
    )
  }

  start(): HostedWorker {
    const name = String((this.#started += 1))
    const [end, far] = joinedPipes()
    const above = new Channel(far)
    above.answer('limits', (text) => this.limits.take(name, text))
    above.answer('decision', (ticket) => this.limits.decision(ticket))
    above.answer('advance', (question) => this.limits.advance(name, question))
    this.#channels.set(name, above)
    return { name, end, store: new HostLimitStore(new Channel(end), () => this.#clock.nowMs) }
  }

  /** A worker ends without a word. */
  kill({ name, end }: HostedWorker): void {
    end.cut()
    this.#channels.delete(name)
    this.limits.gone(name)
  }
}

/** Long enough for a question and its answer. */
export async function settleDown(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
