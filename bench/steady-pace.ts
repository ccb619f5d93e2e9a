/** Sends at a fixed rate, whatever becomes of what was sent before. */

export interface Pace {
  readonly warmUpMs: number
  readonly durationMs: number
}

export interface Sender {
  send(): void
  /** The warm-up is over. */
  measure(): void
}

/** A timer a millisecond releases what is due by then; a late timer releases more at once, and loses none. */
export async function sendSteadily(
  perSecond: number,
  { warmUpMs, durationMs }: Pace,
  sender: Sender,
): Promise<void> {
  const startedAtMs = performance.now()
  let sent = 0
  let isWarm = false
  const ended = Promise.withResolvers<void>()
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedAtMs
    if (elapsedMs >= warmUpMs + durationMs) {
      clearInterval(timer)
      ended.resolve()
      return
    }
    if (!isWarm && elapsedMs >= warmUpMs) {
      isWarm = true
      sender.measure()
    }
    for (const due = Math.floor((elapsedMs * perSecond) / 1000); sent < due; sent += 1) sender.send()
  }, 1)
  await ended.promise
}
