/** From records of calls to trees of spans, whatever became of the call. */
import { resourceFromAttributes } from '@opentelemetry/resources'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ARRIVED_AT_MS, attemptOf, endOf, startOf } from '../../../test/telemetry/sample-calls.ts'
import type { CallEnd, Ending } from '../../record/call-record.ts'
import type { CallTrace } from '../../record/call-trace.ts'
import { writeCallSpans } from './call-spans.ts'
import { GenAiWords } from './gen-ai-words.ts'
import { OpenInferenceWords } from './open-inference-words.ts'
import { SdkSpans } from './sdk-spans.ts'
import { newSpanId } from './trace-context.ts'

const ORIGIN = { resource: resourceFromAttributes({}), instrumentationScope: { name: 'tests' } }

const ENDINGS: readonly Ending[] = [
  'complete',
  'client_gone',
  'provider_cut',
  'provider_error',
  'provider_unreachable',
  'timeout',
  'refused',
  'interrupted',
]

const maybeTime = fc.option(
  fc.double({ min: -50, max: 200, noNaN: true }).map((ms) => ARRIVED_AT_MS + ms),
  { nil: undefined },
)

const anyEnd: fc.Arbitrary<CallEnd> = fc
  .record({
    ending: fc.constantFrom(...ENDINGS),
    httpStatus: fc.constantFrom(200, 400, 401, 429, 499, 500, 502),
    attempts: fc.array(
      fc
        .record({
          errorClass: fc.option(fc.string(), { nil: undefined }),
          startedAtMs: maybeTime,
          endedAtMs: maybeTime,
        })
        .map(({ errorClass, startedAtMs, endedAtMs }) =>
          attemptOf({
            errorClass,
            startedAtMs: startedAtMs ?? ARRIVED_AT_MS,
            endedAtMs: endedAtMs ?? ARRIVED_AT_MS,
            spanId: newSpanId(),
          }),
        ),
      { maxLength: 5 },
    ),
    firstContentAtMs: maybeTime,
    endedAtMs: maybeTime,
    cache: fc.option(fc.record({ hit: fc.boolean(), key: fc.string() }), { nil: undefined }),
  })
  .map(({ endedAtMs, ...rest }) => endOf({ ...rest, endedAtMs: endedAtMs ?? ARRIVED_AT_MS }))

const anyTrace: fc.Arbitrary<CallTrace> = fc
  .record({
    parentSpanId: fc.constantFrom(undefined, 'b7ad6b7169203331'),
    traceState: fc.constantFrom(undefined, 'vendor=1', 'not a state'),
    times: fc.record({ admittedAtMs: maybeTime, cacheAskedAtMs: maybeTime, cacheAnsweredAtMs: maybeTime }),
  })
  .map(({ times, ...rest }) => ({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: newSpanId(),
    sampled: true,
    ...rest,
    ...Object.fromEntries(Object.entries(times).filter(([, time]) => time !== undefined)),
  }))

test.each([
  ['the conventions', new GenAiWords(String, true)],
  ['OpenInference', new OpenInferenceWords(String)],
])('every settled call is one tree with one root, and no span ends before it begins (%s)', (_, words) => {
  fc.assert(
    fc.property(anyEnd, anyTrace, fc.boolean(), (end, trace, stream) => {
      const sink = new SdkSpans(ORIGIN)
      writeCallSpans({ start: startOf({ stream, trace }), end }, trace, words, sink, undefined)
      const spans = sink.take()
      const roots = spans.filter((span) => span.spanContext().spanId === trace.spanId)
      expect(roots).toHaveLength(1)
      expect(roots[0]?.parentSpanContext?.spanId).toBe(trace.parentSpanId)
      expect(new Set(spans.map((span) => span.spanContext().spanId)).size).toBe(spans.length)
      for (const span of spans) {
        expect(span.spanContext().traceId).toBe(trace.traceId)
        if (span !== roots[0]) expect(span.parentSpanContext?.spanId).toBe(trace.spanId)
        expect(span.endTime[0] * 1e9 + span.endTime[1]).toBeGreaterThanOrEqual(
          span.startTime[0] * 1e9 + span.startTime[1],
        )
        expect(Object.values(span.attributes)).not.toContain(undefined)
      }
      expect(spans.filter((span) => span.kind === 2).map((span) => span.spanContext().spanId)).toEqual(
        end.attempts.map((attempt) => attempt.spanId),
      )
    }),
  )
})

test.each([
  ['acompletion', 'POST'],
  ['acreate_file', 'POST'],
  ['afile_content', 'GET'],
  ['afile_delete', 'DELETE'],
  ['alist_batches', 'GET'],
] as const)('the span of a call of type %s is named by its method %s', (callType, method) => {
  const trace = {
    traceId: 'a'.repeat(32),
    spanId: newSpanId(),
    parentSpanId: undefined,
    traceState: undefined,
    sampled: true,
  }
  const call = { start: startOf({ callType, route: '/v1/route', trace }), end: endOf() }
  const sink = new SdkSpans(ORIGIN)
  writeCallSpans(call, trace, new GenAiWords(String, false), sink, undefined)
  const [root] = sink.take()
  expect(root?.name).toBe(`${method} /v1/route`)
  expect(root?.attributes['http.request.method']).toBe(method)
})
