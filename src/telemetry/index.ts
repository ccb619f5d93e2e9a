/** The telemetry of a process in one piece: metrics, log, and the observer that the call path tells. */
import type { CallEnd, CallStart } from '../record/call-record.ts'
import type { CallObserver } from './call-observer.ts'
import { CallLineWriter, callLevel } from './logs/call-line.ts'
import type { LogDestination } from './logs/line-buffer.ts'
import type { LogLevel } from './logs/log-level.ts'
import { createLogger, type Logger } from './logs/logger.ts'
import { CallMetrics, type CallMetricsSettings } from './metrics/call-metrics.ts'
import type { CounterFamily } from './metrics/counter.ts'
import { CONTENT_TYPES, negotiateFormat, writeExposition } from './metrics/exposition.ts'
import { MetricsRegistry } from './metrics/registry.ts'
import type { Redactor } from './redaction.ts'

export type TelemetrySettings = CallMetricsSettings

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

export interface MetricsPage {
  readonly contentType: string
  readonly body: Buffer
}

export interface MetricDefinition {
  readonly name: string
  readonly help: string
}

export interface Telemetry {
  readonly observer: CallObserver
  readonly log: Logger
  readonly registry: MetricsRegistry
  /**
   * The metrics as text, in the format that the `Accept` header asks for. A large page is written in pieces, with
   * the event loop going on between them.
   */
  renderMetrics(accept: string | undefined): Promise<MetricsPage>
  /** A gauge of another room, read at each scrape. */
  gauge(definition: MetricDefinition, read: () => number): void
  /** A counter of another room. */
  counter(definition: MetricDefinition & { readonly labels?: readonly string[] }): CounterFamily
  /** Writes what the log still holds, and lets go of the process. */
  close(): void
}

/** Makes the telemetry of a process. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const registry = new MetricsRegistry((value) => options.redactor.redact(value))
  const log = createLogger(options.level, options.redactor, options.destination)
  return {
    observer: new Observer(
      new CallMetrics(registry, options.settings),
      new CallLineWriter(options.redactor),
      log,
    ),
    log,
    registry,
    renderMetrics: (accept) => renderMetrics(registry, accept),
    gauge: (definition, read) =>
      registry
        .gauge({ ...definition, labels: [] })
        .series([])
        .readFrom(read),
    counter: ({ labels = [], ...definition }) => registry.counter({ ...definition, labels }),
    close: () => log.close(),
  }
}

class Observer implements CallObserver {
  readonly #metrics: CallMetrics
  readonly #lines: CallLineWriter
  readonly #log: Logger

  constructor(metrics: CallMetrics, lines: CallLineWriter, log: Logger) {
    this.#metrics = metrics
    this.#lines = lines
    this.#log = log
  }

  requestBegan(): void {
    this.#metrics.requestBegan()
  }

  requestEnded(): void {
    this.#metrics.requestEnded()
  }

  callSettled(start: CallStart, end: CallEnd): void {
    this.#metrics.callSettled(start, end)
    const level = callLevel(end)
    if (this.#log.isEnabled(level)) this.#log.writeLine(this.#lines.line(level, start, end))
  }
}

async function renderMetrics(registry: MetricsRegistry, accept: string | undefined): Promise<MetricsPage> {
  const format = negotiateFormat(accept)
  const pieces: Buffer[] = []
  for (const piece of writeExposition(registry, format)) {
    pieces.push(Buffer.from(piece))
    await nextTurn()
  }
  return { contentType: CONTENT_TYPES[format], body: Buffer.concat(pieces) }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
