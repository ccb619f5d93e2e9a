/** Notices providers that fail and calls that are slow. A call that is well costs a few comparisons. */
import type { AlertType } from '../config/alert-types.ts'
import type { AttemptFacts, CallEnd, CallStart, DeploymentFacts } from '../record/call-record.ts'
import type { Alert } from './alert.ts'
import type { AlertSettings } from './alerts.ts'
import type { Throttle } from './throttle.ts'

/** Where no interval is configured. */
const INTERVAL_MS = 60_000

interface OutageCount {
  sinceMs: number
  failures: number
}

/** The client's own fault, and no reason to alert anybody. */
const CLIENT_FAULTS: ReadonlySet<number> = new Set([400, 413, 422])

export class CallWatch {
  readonly #throttle: Throttle
  readonly #send: (alert: Alert) => void
  readonly #outages = new Map<string, OutageCount>()
  readonly #hanging = new WeakSet<CallStart>()
  #settings: AlertSettings

  constructor(settings: AlertSettings, throttle: Throttle, send: (alert: Alert) => void) {
    this.#settings = settings
    this.#throttle = throttle
    this.#send = send
  }

  configure(settings: AlertSettings): void {
    this.#settings = settings
  }

  callSettled(start: CallStart, end: CallEnd): void {
    for (const attempt of end.attempts) {
      if (attempt.errorClass !== undefined) this.#attemptFailed(attempt, attempt.errorClass, end.endedAtMs)
    }
    const tookMs = end.endedAtMs - start.arrivedAtMs
    if (tookMs >= this.#settings.slowAfterMs && end.ending === 'complete') this.#slow(start, end, tookMs)
  }

  #attemptFailed(attempt: AttemptFacts, errorClass: string, atMs: number): void {
    const { deployment, httpStatus } = attempt
    if (httpStatus !== undefined && CLIENT_FAULTS.has(httpStatus)) return
    const status = httpStatus === undefined ? 'no answer' : `status ${httpStatus}`
    this.#tell(`${deployment.modelId} ${errorClass} ${status}`, {
      type: 'llm_exceptions',
      level: 'medium',
      atMs,
      title: `A provider failed: ${deployment.modelGroup}, ${errorClass} (${status})`,
      facts: deploymentLines(deployment),
    })
    if (httpStatus === undefined || httpStatus === 408 || httpStatus >= 500)
      this.#countOutage(deployment, atMs)
  }

  #countOutage(deployment: DeploymentFacts, atMs: number): void {
    const { outageWindowMs, minorOutageFailures, majorOutageFailures } = this.#settings
    let count = this.#outages.get(deployment.modelId)
    if (count === undefined || atMs - count.sinceMs >= outageWindowMs) {
      count = { sinceMs: atMs, failures: 0 }
      this.#outages.set(deployment.modelId, count)
    }
    count.failures += 1
    const isMajor = count.failures === majorOutageFailures
    if (!isMajor && count.failures !== minorOutageFailures) return
    this.#send({
      type: 'outage_alerts',
      level: isMajor ? 'high' : 'medium',
      atMs,
      title: `${isMajor ? 'Major' : 'Minor'} outage: ${deployment.modelGroup}`,
      facts: [
        ...deploymentLines(deployment),
        ['Failures', `${count.failures} since ${new Date(count.sinceMs).toISOString()}`],
      ],
    })
  }

  #slow(start: CallStart, end: CallEnd, tookMs: number): void {
    const group = end.deployment?.modelGroup ?? 'no deployment'
    this.#tell(group, {
      type: 'llm_too_slow',
      level: 'low',
      atMs: end.endedAtMs,
      title: `A call was slow: ${group}, ${seconds(tookMs)}`,
      facts: [
        ...(end.deployment === undefined ? [] : deploymentLines(end.deployment)),
        ['Call', start.callId],
        ['Stream', start.stream ? 'yes' : 'no'],
      ],
    })
  }

  /** Looks at the calls under way for those that have taken too long; each is told of once. */
  lookAtOpenCalls(calls: Iterable<CallStart>, nowMs: number): void {
    for (const start of calls) {
      const tookMs = nowMs - start.arrivedAtMs
      if (tookMs < this.#settings.slowAfterMs || this.#hanging.has(start)) continue
      this.#hanging.add(start)
      this.#tell(start.requestedModel, {
        type: 'llm_requests_hanging',
        level: 'medium',
        atMs: nowMs,
        title: `A call has not ended: ${start.requestedModel}, ${seconds(tookMs)} so far`,
        facts: [
          ['Call', start.callId],
          ['Stream', start.stream ? 'yes' : 'no'],
        ],
      })
    }
  }

  /** Forgets what has ended. */
  sweep(nowMs: number): void {
    for (const [id, { sinceMs }] of this.#outages) {
      if (nowMs - sinceMs >= this.#settings.outageWindowMs) this.#outages.delete(id)
    }
  }

  #tell(name: string, alert: Alert): void {
    if (this.#settings.types.has(alert.type)) this.#throttle.tell(name, alert, this.#intervalMs(alert.type))
  }

  #intervalMs(type: AlertType): number {
    return this.#settings.intervalMsByType.get(type) ?? INTERVAL_MS
  }
}

function deploymentLines(deployment: DeploymentFacts): readonly (readonly [string, string])[] {
  return [
    ['Model', `${deployment.litellmModel} (${deployment.modelId})`],
    ['Address', deployment.apiBase],
  ]
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}
