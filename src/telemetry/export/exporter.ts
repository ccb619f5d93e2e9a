/** What a system that is told of calls is, to the queue that brings them there. */
import type { OutgoingRequest } from './send-request.ts'
import type { SettledCall } from './settled-call.ts'

export interface Exporter {
  /** The callback's name in the configuration. */
  readonly name: string
  /** Which calls it is told of. */
  readonly wants: { readonly success: boolean; readonly failure: boolean }
  /** Calls that are gathered for one batch. */
  readonly mostCalls: number
  /** The messages that tell of a batch; each is sent, and tried again, by itself. */
  messages(calls: readonly SettledCall[], nowMs: number): readonly OutgoingRequest[]
}
