/** The log line of a call as a record of OTLP, with the same fields. */
import { objectOf, parseJson } from '../../dialects/json-value.ts'
import type { SettledCall } from '../export/settled-call.ts'
import { callLevel, type CallLineWriter } from '../logs/call-line.ts'
import type { LogLevel } from '../logs/log-level.ts'
import type { MessageTexts } from './message-texts.ts'
import type { LogSink } from './sinks.ts'
import { writeValue } from './span-words.ts'

/** https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber */
const SEVERITIES: Readonly<Record<LogLevel, number>> = { debug: 5, info: 9, warn: 13, error: 17, silent: 0 }

/** Fields of the line that a record has in other places. */
const TOLD_ELSEWHERE: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'trace_id', 'span_id'])

/** @param texts prompt and answer, where the configuration lets events hold them. */
export function writeCallLog(
  { start, end }: SettledCall,
  lines: CallLineWriter,
  sink: LogSink,
  texts: MessageTexts | undefined,
): void {
  const level = callLevel(end)
  const fields = objectOf(parseJson(lines.line(level, start, end))) ?? {}
  sink.begin({
    timeMs: end.endedAtMs,
    severityNumber: SEVERITIES[level],
    severityText: level.toUpperCase(),
    body: `call ${end.ending}`,
    eventName: 'gen_ai.client.inference.operation.details',
    trace: start.trace,
  })
  for (const name in fields) {
    const value = fields[name]
    if (TOLD_ELSEWHERE.has(name)) continue
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      writeValue(sink, name, value)
  }
  if (texts !== undefined) {
    sink.text('gen_ai.input.messages', JSON.stringify(texts.input))
    sink.text('gen_ai.output.messages', JSON.stringify(texts.output))
  }
  sink.end()
}
