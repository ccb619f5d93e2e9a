/** The telemetry of a process in one piece: metrics, log, and the observer that the call path tells. */
import type { CallEnd, CallStart } from '../record/call-record.ts'
import type { CallObserver } from './call-observer.ts'
import { CallLineWriter, callLevel } from './logs/call-line.ts'
import type { LogDestination } from './logs/line-buffer.ts'
import type { LogLevel } from './logs/log-level.ts'
import { createLogger, type Logger } from './logs/logger.ts'
import { CallMetrics, type CallMetricsSettings } from './metrics/call-metrics.ts'
import type { CounterFamily } from './metrics/counter.ts'
import { renderMetrics, type MetricsPage } from './metrics/exposition.ts'
import type { FamilyOptions } from './metrics/family.ts'
import { OPERATION_COUNTERS, type MetricDefinition } from './metrics/operations.ts'
import type { MetricFilter } from './metrics/metric-filter.ts'
import { registerProcessMetrics } from './metrics/process.ts'
import { MetricsRegistry } from './metrics/registry.ts'
import type { Redactor } from './redaction.ts'
import { ReportFaults, type ReportingPart } from './report-faults.ts'
import { isWithin } from './traces/sampler.ts'

export interface TelemetrySettings extends CallMetricsSettings {
  /** Which metrics and labels are shown; all when nothing says. */
  readonly filter?: MetricFilter | undefined
  /** How often series that are idle are looked for, where they are dropped. */
  readonly idleCheckMs?: number | undefined
}

const IDLE_CHECK_MS = 60_000

export interface TelemetryOptions {
  /** Read once: a change of these needs a new process, for the series that exist have their labels already. */
  readonly settings: TelemetrySettings
  readonly level: LogLevel
  /** Version of this program, shown by `sluice_build_info`. */
  readonly version: string
  readonly redactor: Redactor
  /** Where log lines go; standard output by default. */
  readonly destination?: LogDestination
}

/** Told of each settled call, after metrics and log. */
export type SettledCallListener = Pick<CallObserver, 'callSettled'>

export interface Telemetry {
  readonly observer: CallObserver
  readonly log: Logger
  readonly registry: MetricsRegistry
  /** The metrics of this process as text, in the format that the `Accept` header asks for. */
  renderMetrics(accept: string | undefined): Promise<MetricsPage>
  /** Registers a gauge of another room (`OPERATION_GAUGES`), read at each scrape. */
  gauge(definition: MetricDefinition, read: () => number): void
  /** Registers a counter of another room (`OPERATION_COUNTERS`); count with `.series([labelValue]).add(1)`. */
  counter(definition: MetricDefinition): CounterFamily
  /** Registers a counter that another room keeps itself, read at each scrape. */
  counterFrom(definition: MetricDefinition, read: () => number): void
  onCallSettled(listener: SettledCallListener): void
  /** Sets which share of the calls that went well has a line in the log, from 0 to 1. */
  sampleLog(ratio: number): void
  /** Writes what the log still holds, and lets go of the process. */
  close(): Promise<void>
}

/** Makes the telemetry of a process. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { redactor, settings } = options
  const registry = new MetricsRegistry((value) => redactor.redact(value), settings.filter)
  const log = createLogger(options.level, redactor, options.destination)
  const stopMeasuring = registerProcessMetrics(registry, options.version)
  countFrom(registry, OPERATION_COUNTERS.logLinesDropped, () => log.droppedLines)
  const metrics = new CallMetrics(registry, settings)
  const faults = new ReportFaults(registry.counter(OPERATION_COUNTERS.reportFailures), log, Date.now)
  const observer = new Observer(metrics, new CallLineWriter(redactor), log, faults)
  // Before the log writes what it holds at that time.
  process.prependListener('exit', observer.reportNow)
  const idleCheck = setInterval(() => {
    if (registry.dropIdle(Date.now()) > 0) metrics.forgetSeries()
  }, settings.idleCheckMs ?? IDLE_CHECK_MS).unref()
  return {
    observer,
    log,
    registry,
    renderMetrics: (accept) => renderMetrics(registry, accept),
    gauge: (definition, read) => registry.gauge(familyOptions(definition)).series([]).readFrom(read),
    counter: (definition) => registry.counter(familyOptions(definition)),
    counterFrom: (definition, read) => countFrom(registry, definition, read),
    onCallSettled: (listener) => observer.add(listener),
    sampleLog: (ratio) => observer.sampleLog(ratio),
    close: () => {
      stopMeasuring()
      clearInterval(idleCheck)
      process.off('exit', observer.reportNow)
      observer.reportNow()
      return log.close()
    },
  }
}

function familyOptions(definition: MetricDefinition): FamilyOptions {
  return { ...definition, labels: definition.labels ?? [] }
}

function countFrom(registry: MetricsRegistry, definition: MetricDefinition, read: () => number): void {
  const counter = registry.counter(familyOptions(definition)).series([])
  registry.beforeScrape(() => counter.add(read() - counter.value))
}

interface SettledCall {
  readonly start: CallStart
  readonly end: CallEnd
}

class Observer implements CallObserver {
  readonly #metrics: CallMetrics
  readonly #lines: CallLineWriter
  readonly #log: Logger
  readonly #faults: ReportFaults
  readonly #listeners: SettledCallListener[] = []
  readonly #logLines: SettledCallListener = {
    callSettled: (start, end) => {
      const level = callLevel(end)
      if (this.#log.isEnabled(level) && this.#isWritten(level, start))
        this.#log.writeLine(this.#lines.line(level, start, end))
    },
  }
  /** Metrics, lines and listeners of the calls that have not been reported yet. */
  readonly reportNow = (): void => {
    const calls = this.#settled
    this.#settled = []
    this.#each(calls, 'metrics', this.#metrics)
    this.#each(calls, 'log', this.#logLines)
    for (const listener of this.#listeners) this.#each(calls, 'listeners', listener)
  }

  /** Calls that are not reported yet. */
  #settled: SettledCall[] = []
  #logRatio = 1

  constructor(metrics: CallMetrics, lines: CallLineWriter, log: Logger, faults: ReportFaults) {
    this.#metrics = metrics
    this.#lines = lines
    this.#log = log
    this.#faults = faults
  }

  add(listener: SettledCallListener): void {
    this.#listeners.push(listener)
  }

  sampleLog(ratio: number): void {
    this.#logRatio = ratio
  }

  requestBegan(): void {
    this.#metrics.requestBegan()
  }

  requestEnded(): void {
    this.#metrics.requestEnded()
  }

  /**
   * Reported when all that is under way in the event loop has been done, which for booked calls is a turn of the journal:
   * clients do not wait for the reports of others, and one kind of work after the other, each for all of these calls,
   * finds its code in the processor's caches.
   */
  callSettled(start: CallStart, end: CallEnd): void {
    if (this.#settled.push({ start, end }) === 1) queueMicrotask(this.reportNow)
  }

  /** One call that cannot be reported is no reason to leave out the others. */
  #each(calls: readonly SettledCall[], part: ReportingPart, listener: SettledCallListener): void {
    for (const { start, end } of calls) {
      try {
        listener.callSettled(start, end)
      } catch (error) {
        this.#faults.caught(part, error)
      }
    }
  }

  reportFailed(part: ReportingPart, error: unknown): void {
    this.#faults.caught(part, error)
  }

  /** By the call's id, so that with the same share for traces the same calls have a line. */
  #isWritten(level: LogLevel, start: CallStart): boolean {
    return this.#logRatio >= 1 || level !== 'info' || isWithin(start.callId, this.#logRatio)
  }
}
