/**
 * The spans of a settled call, made from its record: the call, its admission, the question to the response cache,
 * and each attempt. Nothing here runs while the call does.
 */
import { createTraceState, type SpanContext } from '@opentelemetry/api'
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace'
import { isSuccess, type AttemptFacts, type CallEnd, type CallStart } from '../../record/call-record.ts'
import type { CallTrace } from '../../record/call-trace.ts'
import type { SettledCall } from '../export/settled-call.ts'
import { operationName } from './gen-ai-names.ts'
import { httpMethod } from './http-method.ts'
import type { MessageTexts } from './message-texts.ts'
import {
  eventAt,
  finishedSpan,
  KIND_CLIENT,
  KIND_INTERNAL,
  KIND_SERVER,
  type SpanOrigin,
  type SpanParts,
} from './span.ts'
import type { SpanWords } from './span-words.ts'
import { newSpanId } from './trace-context.ts'

const SAMPLED = 1

/** The spans of a call, each as its parts: the first is that of the whole call. */
export function callSpans(
  { start, end }: SettledCall,
  trace: CallTrace,
  words: SpanWords,
  origin: SpanOrigin,
  texts: MessageTexts | undefined,
): readonly ReadableSpan[] {
  const root: SpanContext = {
    traceId: trace.traceId,
    spanId: trace.spanId,
    traceFlags: SAMPLED,
    ...(trace.traceState === undefined ? {} : { traceState: createTraceState(trace.traceState) }),
  }
  const parts = [
    callSpan(start, end, trace, words),
    ...admissionSpan(start, end, trace, root, words),
    ...cacheSpan(start, end, trace, root, words, texts),
    ...end.attempts.map((attempt, index) => {
      const isLast = index === end.attempts.length - 1
      return attemptSpan(start, end, attempt, isLast, root, words, texts)
    }),
  ]
  return parts.map((part) => finishedSpan(part, root, origin))
}

function callSpan(start: CallStart, end: CallEnd, trace: CallTrace, words: SpanWords): SpanParts {
  const { traceId, parentSpanId } = trace
  return {
    name: `${httpMethod(start.callType)} ${start.route}`,
    kind: KIND_SERVER,
    spanId: trace.spanId,
    parent:
      parentSpanId === undefined
        ? undefined
        : { traceId, spanId: parentSpanId, traceFlags: SAMPLED, isRemote: true },
    startMs: start.arrivedAtMs,
    endMs: end.endedAtMs,
    attributes: words.callAttributes(start, end),
    events:
      end.error === undefined ? [] : [exceptionAt(end.endedAtMs, end.error.errorClass, end.error.message)],
    error: isFault(end) ? (end.error?.message ?? end.ending) : undefined,
  }
}

/** A refusal that the client brought upon itself is no fault of the gateway's: its span says what, not "error". */
function isFault(end: CallEnd): boolean {
  return !isSuccess(end.ending) && !(end.ending === 'refused' && end.httpStatus < 500)
}

function exceptionAt(timeMs: number, errorClass: string, message: string | undefined): TimedEvent {
  return eventAt('exception', timeMs, { 'exception.type': errorClass, 'exception.message': message ?? '' })
}

/** From the arrival until all limits had let the call in, or until it was refused; calls on files have no such stage. */
function admissionSpan(
  start: CallStart,
  end: CallEnd,
  trace: CallTrace,
  root: SpanContext,
  words: SpanWords,
): readonly SpanParts[] {
  const isRefused = trace.admittedAtMs === undefined
  if (isRefused && end.ending !== 'refused') return []
  const events: TimedEvent[] = []
  if (trace.identifiedAtMs !== undefined) events.push(eventAt('caller identified', trace.identifiedAtMs))
  if (trace.readAtMs !== undefined) events.push(eventAt('request read', trace.readAtMs))
  return [
    {
      name: 'admission',
      kind: KIND_INTERNAL,
      spanId: newSpanId(),
      parent: root,
      startMs: start.arrivedAtMs,
      endMs: trace.admittedAtMs ?? end.endedAtMs,
      attributes: { ...words.stageAttributes(), 'error.type': isRefused ? end.error?.errorClass : undefined },
      events,
      error: undefined,
    },
  ]
}

function cacheSpan(
  start: CallStart,
  end: CallEnd,
  trace: CallTrace,
  root: SpanContext,
  words: SpanWords,
  texts: MessageTexts | undefined,
): readonly SpanParts[] {
  const { cacheAskedAtMs, cacheAnsweredAtMs } = trace
  if (end.cache === undefined || cacheAskedAtMs === undefined || cacheAnsweredAtMs === undefined) return []
  const { hit, key } = end.cache
  return [
    {
      name: 'cache',
      kind: KIND_INTERNAL,
      spanId: newSpanId(),
      parent: root,
      startMs: cacheAskedAtMs,
      endMs: cacheAnsweredAtMs,
      attributes: {
        ...words.stageAttributes(),
        'litellm.cache.hit': hit,
        'litellm.cache.key': key,
        ...(hit ? words.answerAttributes(start, end, texts) : {}),
      },
      events: [],
      error: undefined,
    },
  ]
}

function attemptSpan(
  start: CallStart,
  end: CallEnd,
  attempt: AttemptFacts,
  isLast: boolean,
  root: SpanContext,
  words: SpanWords,
  texts: MessageTexts | undefined,
): SpanParts {
  const { errorClass, startedAtMs, endedAtMs } = attempt
  const events: TimedEvent[] = []
  if (isLast && end.firstContentAtMs !== undefined)
    events.push(eventAt('gen_ai.first_token', end.firstContentAtMs))
  if (errorClass !== undefined)
    events.push(exceptionAt(endedAtMs, errorClass, isLast ? end.error?.message : undefined))
  return {
    name: `${operationName(start.callType)} ${attempt.deployment.modelGroup}`,
    kind: KIND_CLIENT,
    spanId: attempt.spanId ?? newSpanId(),
    parent: root,
    startMs: startedAtMs,
    endMs: endedAtMs,
    attributes: {
      ...words.attemptAttributes(start, attempt),
      ...(isLast ? words.answerAttributes(start, end, texts) : {}),
    },
    events,
    error: errorClass,
  }
}
