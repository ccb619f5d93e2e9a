/** The log line of a call as a record of OTLP, with the same fields. */
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs'
import { objectOf, parseJson } from '../../dialects/json-value.ts'
import type { SettledCall } from '../export/settled-call.ts'
import { callLevel, type CallLineWriter } from '../logs/call-line.ts'
import type { LogLevel } from '../logs/log-level.ts'
import type { MessageTexts } from './message-texts.ts'
import { toHrTime, type Attributes, type SpanOrigin } from './span.ts'

/** https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber */
const SEVERITIES: Readonly<Record<LogLevel, number>> = { debug: 5, info: 9, warn: 13, error: 17, silent: 0 }

const SAMPLED = 1

/** Fields of the line that a record has in other places. */
const TOLD_ELSEWHERE: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'trace_id', 'span_id'])

/** @param texts prompt and answer, where the configuration lets events hold them. */
export function callLogRecord(
  { start, end }: SettledCall,
  lines: CallLineWriter,
  origin: SpanOrigin,
  texts: MessageTexts | undefined,
): ReadableLogRecord {
  const level = callLevel(end)
  const fields = objectOf(parseJson(lines.line(level, start, end))) ?? {}
  const { trace } = start
  const attributes: Attributes = {}
  for (const [name, value] of Object.entries(fields)) {
    if (TOLD_ELSEWHERE.has(name)) continue
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      attributes[name] = value
  }
  if (texts !== undefined) {
    attributes['gen_ai.input.messages'] = JSON.stringify(texts.input)
    attributes['gen_ai.output.messages'] = JSON.stringify(texts.output)
  }
  const time = toHrTime(end.endedAtMs)
  return {
    hrTime: time,
    hrTimeObserved: time,
    severityNumber: SEVERITIES[level],
    severityText: level.toUpperCase(),
    body: `call ${end.ending}`,
    eventName: 'gen_ai.client.inference.operation.details',
    ...(trace === undefined
      ? {}
      : {
          spanContext: {
            traceId: trace.traceId,
            spanId: trace.spanId,
            traceFlags: trace.sampled ? SAMPLED : 0,
          },
        }),
    attributes,
    droppedAttributesCount: 0,
    ...origin,
  }
}
