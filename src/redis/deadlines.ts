/**
 * The deadline of commands under way. All commands have the same one, so they end in the order in which they began,
 * and one timer is enough for all.
 */
import type { Command } from 'ioredis'

interface Entry {
  readonly command: Command
  readonly expiresAtMs: number
}

export class Deadlines {
  readonly #deadlineMs: number
  readonly #onMissed: () => Error
  #entries: Entry[] = []
  #timer: NodeJS.Timeout | undefined

  /** @param onMissed told of each command that had no answer in time; gives the error that it ends with. */
  constructor(deadlineMs: number, onMissed: () => Error) {
    this.#deadlineMs = deadlineMs
    this.#onMissed = onMissed
  }

  /** @param nowMs of `performance.now()`. */
  watch(command: Command, nowMs: number): void {
    this.#entries.push({ command, expiresAtMs: nowMs + this.#deadlineMs })
    if (this.#timer === undefined) this.#arm(this.#deadlineMs)
  }

  /** Ends all commands under way. */
  endAll(error: Error): void {
    const entries = this.#entries
    this.#entries = []
    for (const { command } of entries) endCommand(command, error)
  }

  /** Resolves when all commands that are under way now have ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#entries.map(({ command }) => command.promise))
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => {
      // A process that was busy or stopped comes to its timers before its sockets: answers that have arrived count.
      setImmediate(() => this.#sweep(performance.now()))
    }, delayMs)
    this.#timer.unref()
  }

  #sweep(nowMs: number): void {
    let first = this.#entries.findIndex(
      ({ command, expiresAtMs }) => !command.isSettled && expiresAtMs > nowMs,
    )
    if (first === -1) first = this.#entries.length
    for (const { command } of this.#entries.splice(0, first)) {
      if (!command.isSettled) endCommand(command, this.#onMissed())
    }
    const next = this.#entries[0]
    this.#timer = undefined
    if (next !== undefined) this.#arm(Math.max(1, next.expiresAtMs - nowMs))
  }
}

/** The answer, should it still come, is dropped; the commands after it get theirs. */
function endCommand(command: Command, error: Error): void {
  if (!command.isSettled) command.reject(error)
}
