/** Notices that a connection has been silent for too long, at the cost of one assignment for what is heard. */

/** How often `tick` has to be called. */
export const TICK_MS = 500

/** Below this, half a second more or less matters: a timer of its own is used. */
const COARSE_FROM_MS = 5_000

export class SilenceWatch {
  readonly #onSilence: () => void
  #ticks = 0
  /** 0 while nothing is watched by ticks. */
  #limitTicks = 0
  #timer: NodeJS.Timeout | undefined
  #paused = false

  constructor(onSilence: () => void) {
    this.#onSilence = onSilence
  }

  /** Watches from now on: tells of silence no earlier than after `limitMs`, and less than a second later. */
  atLeast(limitMs: number): void {
    this.stop()
    if (limitMs === 0) return
    if (limitMs >= COARSE_FROM_MS) this.#limitTicks = Math.ceil(limitMs / TICK_MS) + 1
    else this.#timer = setTimeout(tell, limitMs, this)
  }

  /** Watches from now on: tells of silence after `limitMs` at the latest, and up to a second earlier. */
  atMost(limitMs: number): void {
    this.stop()
    this.#limitTicks = Math.max(1, Math.floor(limitMs / TICK_MS))
  }

  /** Something was heard. */
  heard(): void {
    this.#ticks = 0
    if (this.#timer !== undefined) this.#timer.refresh()
  }

  /** Silence is not counted until `resume`. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.heard()
  }

  stop(): void {
    this.#ticks = 0
    this.#limitTicks = 0
    this.#paused = false
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Half a second has passed. */
  tick(): void {
    if (this.#limitTicks === 0 || this.#paused) return
    this.#ticks += 1
    if (this.#ticks >= this.#limitTicks) this.tell()
  }

  tell(): void {
    // A timer that ran out meanwhile begins anew when the pause ends.
    if (this.#paused) return
    this.stop()
    this.#onSilence()
  }
}

function tell(watch: SilenceWatch): void {
  watch.tell()
}
