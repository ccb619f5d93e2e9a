/** Orders to end: by a signal, or for a worker by the process above it. */

export type StopOrder =
  | { readonly kind: 'stop'; readonly graceMs: number; readonly noticeMs: number }
  /** Another process has taken over: what is under way may take as long as it needs. */
  | { readonly kind: 'retire' }

/** Whoever carries orders out. Until there is one, an order ends the process: nothing is under way yet. */
export interface StopOrders {
  obey(carryOut: (order: StopOrder) => void): void
}

/** Exit code after a second signal: the end was not waited for. */
export const HASTY_EXIT_CODE = 130

/**
 * SIGTERM and SIGINT as orders. Listened to from the first moment on: as process 1 of a container, a process that does
 * not listen is not ended by them. A second signal ends the process at once; the journal keeps what was written.
 */
export function ordersOfSignals(times: { readonly graceMs: number; readonly noticeMs: number }): StopOrders {
  let carryOut = (_order: StopOrder): void => process.exit(0)
  let ordered = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (ordered) process.exit(HASTY_EXIT_CODE)
    ordered = true
    // A person at a terminal is no load balancer.
    carryOut({ kind: 'stop', graceMs: times.graceMs, noticeMs: signal === 'SIGINT' ? 0 : times.noticeMs })
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return {
    obey: (then) => {
      carryOut = then
    },
  }
}
