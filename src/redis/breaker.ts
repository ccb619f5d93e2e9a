/**
 * The breaker before Redis. It opens when commands miss their deadline one after the other, or when after one miss a
 * probe misses its own too: a server that hangs is found within two deadlines, whatever the traffic. While it is open
 * only probes go out, and the first that is answered closes it.
 */

/** Sends a probe to every server. Rejects when one of them does not answer. */
export type Probe = () => Promise<void>

export interface BreakerOptions {
  readonly failureThreshold: number
  /** Pause between two probes while it is open. */
  readonly probeIntervalMs: number
  readonly probe: Probe
  readonly onChange: (isOpen: boolean) => void
}

export class Breaker {
  readonly #options: BreakerOptions
  #isOpen = false
  #failuresInRow = 0
  #isProbing = false
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** A command was answered. */
  succeeded(): void {
    this.#failuresInRow = 0
  }

  /** A command missed its deadline. */
  failed(): void {
    this.#failuresInRow += 1
    if (this.#failuresInRow >= this.#options.failureThreshold) this.#open()
    if (!this.#isProbing && !this.#isOpen) void this.#probe()
  }

  /** A connection has just shown that the server answers. */
  connected(): void {
    this.#failuresInRow = 0
    this.#close()
  }

  /** Ends the probing. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  async #probe(): Promise<void> {
    this.#isProbing = true
    try {
      await this.#options.probe()
      this.connected()
    } catch {
      this.#open()
    } finally {
      this.#isProbing = false
      if (this.#isOpen) this.#probeLater()
    }
  }

  #probeLater(): void {
    if (this.#timer !== undefined || this.#isStopped) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#isOpen) void this.#probe()
    }, this.#options.probeIntervalMs)
    this.#timer.unref()
  }

  #open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    if (!this.#isProbing) this.#probeLater()
    this.#options.onChange(true)
  }

  #close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#options.onChange(false)
  }
}
