/** Asked for once: the runtime makes sure of its object each time that it is read. */
const ORIGIN_MS = performance.timeOrigin

/** The one clock of the call path: epoch milliseconds with fractions, monotonic within a process. */
export function nowMs(): number {
  return ORIGIN_MS + performance.now()
}
