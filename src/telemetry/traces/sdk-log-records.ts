/** Log records as the OpenTelemetry SDK's serializers take them. */
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs'
import { SdkAttributes, toHrTime, type Origin } from './sdk-attributes.ts'
import type { LogHead, LogSink } from './sinks.ts'

const SAMPLED = 1

export class SdkLogRecords extends SdkAttributes implements LogSink {
  readonly #origin: Origin
  #records: ReadableLogRecord[] = []
  #head: LogHead | undefined

  constructor(origin: Origin) {
    super()
    this.#origin = origin
  }

  get length(): number {
    return this.#records.length
  }

  /** The records since the last time. */
  take(): ReadableLogRecord[] {
    const records = this.#records
    this.#records = []
    return records
  }

  begin(head: LogHead): void {
    this.#head = head
    this.takeAttributes()
  }

  end(): void {
    const head = this.#head
    if (head === undefined) return
    const { severityNumber, severityText, body, eventName, trace } = head
    const time = toHrTime(head.timeMs)
    this.#records.push({
      hrTime: time,
      hrTimeObserved: time,
      severityNumber,
      severityText,
      body,
      eventName,
      ...(trace === undefined
        ? {}
        : {
            spanContext: {
              traceId: trace.traceId,
              spanId: trace.spanId,
              traceFlags: trace.sampled ? SAMPLED : 0,
            },
          }),
      attributes: this.takeAttributes(),
      droppedAttributesCount: 0,
      ...this.#origin,
    })
  }
}
