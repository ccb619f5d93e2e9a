/** Opens the exports of calls, and counts what becomes of them. */
import type { Config } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import { nowMs } from '../record/clock.ts'
import { CallExports } from '../telemetry/export/call-exports.ts'
import type { ExportReport } from '../telemetry/export/export-queue.ts'
import { ReportRejections } from '../telemetry/export/report-rejections.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Redactor } from '../telemetry/redaction.ts'
import { OPERATION_COUNTERS, OPERATION_GAUGES } from '../telemetry/metrics/operations.ts'
import { callExporters } from './call-exporters.ts'

export function openExports(
  config: Config,
  environment: Environment,
  telemetry: Telemetry,
  redactor: Redactor,
): CallExports {
  const exports = new CallExports({
    exporters: callExporters(config, environment, redactor),
    report: reportTo(telemetry),
    clock: nowMs,
  })
  telemetry.gauge(OPERATION_GAUGES.exportQueueCalls, () => exports.queued)
  telemetry.onCallSettled(exports)
  return exports
}

function reportTo(telemetry: Telemetry): ExportReport {
  const exported = telemetry.counter(OPERATION_COUNTERS.exportedCalls)
  const failures = telemetry.counter(OPERATION_COUNTERS.callbackFailures)
  const dropped = telemetry.counter(OPERATION_COUNTERS.exportDroppedCalls)
  const rejectedItems = telemetry.counter(OPERATION_COUNTERS.exportRejectedItems)
  const rejections = new ReportRejections(rejectedItems, telemetry.log, nowMs)
  return {
    exported: (name, calls) => exported.series([name]).add(calls),
    tryFailed: (name, reason, isLast) => {
      failures.series([name]).add(1)
      if (isLast)
        telemetry.log.warn('calls could not be exported, and are given up', { callback: name, reason })
    },
    dropped: (name, reason, calls) => dropped.series([name, reason]).add(calls),
    rejected: (name, rejection) => rejections.rejected(name, rejection),
  }
}
