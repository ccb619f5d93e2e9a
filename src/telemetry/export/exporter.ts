/** What a system that is told of calls is, to the queue that brings them there. */
import type { OutgoingRequest } from './send-request.ts'
import type { SendOtherwise } from './send-with-retries.ts'
import type { SettledCall } from './settled-call.ts'

export interface Exporter {
  /** The callback's name in the configuration. */
  readonly name: string
  /** Which calls it is told of. */
  readonly wants: { readonly success: boolean; readonly failure: boolean }
  /** Calls that are gathered for one batch, */
  readonly mostCalls: number
  /** and for how long; a second where it does not say. */
  readonly gatherMs?: number
  /** Whether it is told of the call, of those that it wants; of all when it does not say. */
  takes?(call: SettledCall): boolean
  /** True: it gets prompts and answers too, where the configuration lets traces hold them. */
  readonly holdsContent?: boolean
  /** Begins a batch. */
  newBatch(): Batch
  /** What is sent from time to time, and once at the end, whether calls come or not. */
  readonly periodic?: {
    readonly everyMs: number
    messages(): Promise<readonly OutgoingRequest[]>
  }
  /** Sends a message by other means than HTTP, or leaves it to it with `undefined`. Never rejects. */
  readonly send?: SendOtherwise
  /** Lets go of what sending needed. */
  close?(): void
}

/** Calls on their way to a system. */
export interface Batch {
  /** How many there are. */
  readonly calls: number
  add(call: SettledCall): void
  /** The messages that tell of the calls; each is sent, and tried again, by itself. Asked for once, after the last call. */
  messages(nowMs: number): Promise<readonly OutgoingRequest[]>
}

/** Batches that hold their calls until they are sent. */
export function heldCalls(
  tell: (calls: readonly SettledCall[], nowMs: number) => readonly OutgoingRequest[],
): () => Batch {
  return () => new HeldCalls(tell)
}

class HeldCalls implements Batch {
  readonly #calls: SettledCall[] = []
  readonly #tell: (calls: readonly SettledCall[], nowMs: number) => readonly OutgoingRequest[]

  constructor(tell: (calls: readonly SettledCall[], nowMs: number) => readonly OutgoingRequest[]) {
    this.#tell = tell
  }

  get calls(): number {
    return this.#calls.length
  }

  add(call: SettledCall): void {
    this.#calls.push(call)
  }

  async messages(nowMs: number): Promise<readonly OutgoingRequest[]> {
    return this.#tell(this.#calls, nowMs)
  }
}
