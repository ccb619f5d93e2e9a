/** Tells of the first event of a subject at once, and of those that follow once an interval, with their count. */
import type { Alert } from './alert.ts'

interface Subject {
  readonly alert: Alert
  readonly intervalMs: number
  sinceMs: number
  /** Events since the last alert. */
  count: number
}

/** Beyond these, subjects are no longer told apart. */
const MAX_SUBJECTS = 1_000

export class Throttle {
  readonly #send: (alert: Alert) => void
  readonly #subjects = new Map<string, Subject>()

  constructor(send: (alert: Alert) => void) {
    this.#send = send
  }

  /** @param name of the subject, within the type of the alert. */
  tell(name: string, alert: Alert, intervalMs: number): void {
    const room = this.#subjects.size < MAX_SUBJECTS
    const key = `${alert.type} ${room || this.#subjects.has(`${alert.type} ${name}`) ? name : 'and others'}`
    const known = this.#subjects.get(key)
    if (known !== undefined) {
      known.count += 1
      return
    }
    this.#subjects.set(key, { alert, intervalMs, sinceMs: alert.atMs, count: 0 })
    this.#send(alert)
  }

  sweep(nowMs: number): void {
    for (const [key, subject] of this.#subjects) {
      if (nowMs - subject.sinceMs < subject.intervalMs) continue
      if (subject.count === 0) {
        this.#subjects.delete(key)
        continue
      }
      this.#send(repeated(subject, nowMs))
      subject.count = 0
      subject.sinceMs = nowMs
    }
  }
}

function repeated({ alert, sinceMs, count }: Subject, nowMs: number): Alert {
  const again = [`${count} times since`, new Date(sinceMs).toISOString()] as const
  return { ...alert, atMs: nowMs, facts: [...alert.facts, again] }
}
