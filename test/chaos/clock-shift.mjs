/** Loaded into a pod before anything else: its clock is off by `CHAOS_CLOCK_SHIFT_MS`. */
const shiftMs = Number(process.env.CHAOS_CLOCK_SHIFT_MS)
const TrueDate = Date

class ShiftedDate extends TrueDate {
  /** @param {any[]} parts */
  constructor(...parts) {
    if (parts.length === 0) super(TrueDate.now() + shiftMs)
    // @ts-expect-error The forms of the constructor of Date are passed on as they come.
    else super(...parts)
  }

  /** @override */
  static now() {
    return TrueDate.now() + shiftMs
  }
}

Object.defineProperty(globalThis, 'Date', { value: ShiftedDate, writable: true, configurable: true })
Object.defineProperty(performance, 'timeOrigin', { value: performance.timeOrigin + shiftMs })
