/**
 * The spans of a settled call, written down from its record: the call, its admission, the question to the response
 * cache, and each attempt. Nothing here runs while the call does.
 */
import { createTraceState } from '@opentelemetry/api'
import { isSuccess, type AttemptFacts, type CallEnd, type CallStart } from '../../record/call-record.ts'
import type { CallTrace } from '../../record/call-trace.ts'
import type { SettledCall } from '../export/settled-call.ts'
import { operationName } from './gen-ai-names.ts'
import { httpMethod } from './http-method.ts'
import type { MessageTexts } from './message-texts.ts'
import { KIND_CLIENT, KIND_INTERNAL, KIND_SERVER, type SpanHead, type SpanSink } from './sinks.ts'
import type { SpanWords } from './span-words.ts'
import { newSpanId } from './trace-context.ts'

/** What the spans of a call are written from, and where to. */
interface Telling {
  readonly start: CallStart
  readonly end: CallEnd
  readonly trace: CallTrace
  readonly traceState: string | undefined
  readonly words: SpanWords
  readonly sink: SpanSink
  readonly texts: MessageTexts | undefined
}

/** Writes the spans of a call: the first is that of the whole call. */
export function writeCallSpans(
  { start, end }: SettledCall,
  trace: CallTrace,
  words: SpanWords,
  sink: SpanSink,
  texts: MessageTexts | undefined,
): void {
  const telling = { start, end, trace, traceState: wellFormed(trace.traceState), words, sink, texts }
  writeCall(telling)
  writeAdmission(telling)
  writeCache(telling)
  for (const [index, attempt] of end.attempts.entries())
    writeAttempt(telling, attempt, index === end.attempts.length - 1)
}

/** Without the members that are none. */
function wellFormed(traceState: string | undefined): string | undefined {
  return traceState === undefined ? undefined : createTraceState(traceState).serialize() || undefined
}

/** A span within the call. */
function headOf(
  { trace, traceState }: Telling,
  part: Pick<SpanHead, 'name' | 'kind' | 'spanId' | 'startMs' | 'endMs'>,
): SpanHead {
  return {
    traceId: trace.traceId,
    spanId: part.spanId,
    parentSpanId: trace.spanId,
    isParentRemote: false,
    traceState,
    name: part.name,
    kind: part.kind,
    startMs: part.startMs,
    endMs: part.endMs,
  }
}

function writeCall({ start, end, trace, traceState, words, sink }: Telling): void {
  sink.begin({
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentSpanId: trace.parentSpanId,
    isParentRemote: trace.parentSpanId !== undefined,
    traceState,
    name: `${httpMethod(start.callType)} ${start.route}`,
    kind: KIND_SERVER,
    startMs: start.arrivedAtMs,
    endMs: end.endedAtMs,
  })
  words.call(sink, start, end)
  if (end.error !== undefined) sink.exception(end.endedAtMs, end.error.errorClass, end.error.message)
  sink.end(isFault(end) ? (end.error?.message ?? end.ending) : undefined)
}

/** A refusal that the client brought upon itself is no fault of the gateway's: its span says what, not "error". */
function isFault(end: CallEnd): boolean {
  return !isSuccess(end.ending) && !(end.ending === 'refused' && end.httpStatus < 500)
}

/** From the arrival until all limits had let the call in, or until it was refused; calls on files have no such stage. */
function writeAdmission(telling: Telling): void {
  const { start, end, trace, words, sink } = telling
  const isRefused = trace.admittedAtMs === undefined
  if (isRefused && end.ending !== 'refused') return
  sink.begin(
    headOf(telling, {
      name: 'admission',
      kind: KIND_INTERNAL,
      spanId: newSpanId(),
      startMs: start.arrivedAtMs,
      endMs: trace.admittedAtMs ?? end.endedAtMs,
    }),
  )
  words.stage(sink)
  if (isRefused) sink.text('error.type', end.error?.errorClass)
  if (trace.identifiedAtMs !== undefined) sink.event('caller identified', trace.identifiedAtMs)
  if (trace.readAtMs !== undefined) sink.event('request read', trace.readAtMs)
  sink.end(undefined)
}

function writeCache(telling: Telling): void {
  const { start, end, trace, words, sink, texts } = telling
  const { cacheAskedAtMs, cacheAnsweredAtMs } = trace
  if (end.cache === undefined || cacheAskedAtMs === undefined || cacheAnsweredAtMs === undefined) return
  const { hit, key } = end.cache
  sink.begin(
    headOf(telling, {
      name: 'cache',
      kind: KIND_INTERNAL,
      spanId: newSpanId(),
      startMs: cacheAskedAtMs,
      endMs: cacheAnsweredAtMs,
    }),
  )
  if (hit && end.deployment !== undefined) words.keptAnswer(sink, start, end.deployment)
  else words.stage(sink)
  sink.flag('litellm.cache.hit', hit)
  sink.text('litellm.cache.key', key)
  if (hit) words.answer(sink, start, end, texts)
  sink.end(undefined)
}

function writeAttempt(telling: Telling, attempt: AttemptFacts, isLast: boolean): void {
  const { start, end, words, sink, texts } = telling
  const { errorClass, startedAtMs, endedAtMs, deployment } = attempt
  sink.begin(
    headOf(telling, {
      name: `${operationName(start.callType)} ${deployment.modelGroup}`,
      kind: KIND_CLIENT,
      spanId: attempt.spanId ?? newSpanId(),
      startMs: startedAtMs,
      endMs: endedAtMs,
    }),
  )
  words.attempt(sink, start, attempt)
  if (isLast) {
    words.answer(sink, start, end, texts)
    if (end.firstContentAtMs !== undefined) sink.event('gen_ai.first_token', end.firstContentAtMs)
  }
  if (errorClass !== undefined) sink.exception(endedAtMs, errorClass, (isLast && end.error?.message) || '')
  sink.end(errorClass)
}
