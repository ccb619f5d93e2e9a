/** The one clock of the call path: epoch milliseconds with fractions, monotonic within a process. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now()
}
