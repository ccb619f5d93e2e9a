/** A pipe between two processes, both of them this one. */
import { EventEmitter } from 'node:events'
import type { Pipe } from '../src/cli/workers/channel.ts'

/** One end of a pipe within this process: what is sent arrives in a later turn, as a copy. */
export class End extends EventEmitter implements Pipe {
  connected = true
  sent = 0
  other: End | undefined

  send(message: unknown, onSent: (error: Error | null) => void): void {
    const copy: unknown = structuredClone(message)
    this.sent += 1
    setImmediate(() => this.other?.emit('message', copy))
    onSent(null)
  }

  cut(): void {
    for (const end of [this, this.other]) {
      if (end === undefined) continue
      end.connected = false
      end.emit('disconnect')
    }
  }
}

export function joinedPipes(): readonly [End, End] {
  const ends = [new End(), new End()] as const
  ends[0].other = ends[1]
  ends[1].other = ends[0]
  return ends
}
