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
  /** The messages that tell of a batch; each is sent, and tried again, by itself. */
  messages(
    calls: readonly SettledCall[],
    nowMs: number,
  ): readonly OutgoingRequest[] | Promise<readonly OutgoingRequest[]>
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
