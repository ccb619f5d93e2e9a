/** What our own writer writes is, decoded, what the OpenTelemetry SDK's serializers write of the same. */
import { ProtobufLogsSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LOGS, TRACES } from '../../../test/telemetry/otlp-tables.ts'
import { decode, type MessageTable } from '../../../test/telemetry/protobuf.ts'
import { ProtobufBodies } from './otlp-bodies.ts'
import { SharedBytes } from './protobuf-attributes.ts'
import { ProtobufEnvelope } from './protobuf-envelope.ts'
import { ProtobufLogRecords } from './protobuf-log-records.ts'
import { ProtobufSpans } from './protobuf-spans.ts'
import { SdkLogRecords } from './sdk-log-records.ts'
import { SdkSpans } from './sdk-spans.ts'
import type { AttributeSink, LogHead, LogSink, SpanHead, SpanSink } from './sinks.ts'

const RESOURCE = { 'service.name': 'gateway', 'deployment.environment': 'prüfung', empty: '' }
const SCOPE = { name: 'tests', version: '1.2.3' }
const ORIGIN = { resource: resourceFromAttributes(RESOURCE), instrumentationScope: SCOPE }
const ENVELOPE = new ProtobufEnvelope(RESOURCE, SCOPE)

type Step<Sink> = (sink: Sink) => void

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  // Lengths at which the length of a length changes.
  fc.constantFrom(47, 48, 49, 127, 128, 16_383, 16_384).map((length) => 'x'.repeat(length)),
  fc.constantFrom('', 'ü'.repeat(48), 'a lone \ud800 surrogate'),
)
const anyNumber = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(0, -0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 62, 2 ** 63, -(2 ** 63), -1),
)
const anyTime = fc.double({ min: 0, max: 4e12, noNaN: true })
const idOf = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: digits, maxLength: digits })

const anyValue: fc.Arbitrary<(sink: AttributeSink, name: string) => void> = fc.oneof(
  anyText.map((text) => (sink: AttributeSink, name: string) => sink.text(name, text)),
  anyNumber.map((number) => (sink: AttributeSink, name: string) => sink.number(name, number)),
  fc.boolean().map((flag) => (sink: AttributeSink, name: string) => sink.flag(name, flag)),
  fc
    .array(anyText, { maxLength: 3 })
    .map((texts) => (sink: AttributeSink, name: string) => sink.texts(name, texts)),
  fc.constant((sink: AttributeSink, name: string) => {
    sink.text(name, undefined)
    sink.number(name, undefined)
    sink.flag(name, undefined)
    sink.texts(name, undefined)
  }),
)

/** Something that lives long: its attributes are written once and kept. */
class Shared {
  readonly write: (sink: AttributeSink) => void
  constructor(name: string, value: (sink: AttributeSink, name: string) => void) {
    this.write = (sink) => value(sink, name)
  }
}
const SHARED = fc.sample(anyValue, 5).map((value, index) => new Shared(`shared.${index}`, value))
const writeShared = (sink: AttributeSink, shared: Shared): void => shared.write(sink)

const anyAttributes: fc.Arbitrary<Step<AttributeSink>> = fc
  .record({
    own: fc.uniqueArray(
      fc.tuple(
        anyText.map((name) => `name ${name}`),
        anyValue,
      ),
      {
        maxLength: 8,
        selector: ([name]) => name.toWellFormed(),
      },
    ),
    shared: fc.option(fc.constantFrom(...SHARED), { nil: undefined }),
  })
  .map(({ own, shared }) => (sink: AttributeSink): void => {
    for (const [name, write] of own) write(sink, name)
    if (shared !== undefined) sink.shared(shared, writeShared)
  })

const anyHead: fc.Arbitrary<SpanHead> = fc
  .record({
    traceId: idOf(32),
    spanId: idOf(16),
    parentSpanId: fc.option(idOf(16), { nil: undefined }),
    isParentRemote: fc.boolean(),
    traceState: fc.constantFrom(undefined, 'vendor=1', 'a=1,b=two'),
    name: anyText,
    kind: fc.constantFrom(1, 2, 3),
    startMs: anyTime,
    endMs: anyTime,
  })
  .map((head) => (head.parentSpanId === undefined ? { ...head, isParentRemote: false } : head))

const anyEvent: fc.Arbitrary<Step<SpanSink>> = fc.oneof(
  fc.tuple(anyText, anyTime).map(
    ([name, ms]) =>
      (sink: SpanSink) =>
        sink.event(name, ms),
  ),
  fc.tuple(anyTime, anyText, anyText).map(
    ([ms, type, text]) =>
      (sink: SpanSink) =>
        sink.exception(ms, type, text),
  ),
)

const anySpan: fc.Arbitrary<Step<SpanSink>> = fc
  .tuple(anyHead, anyAttributes, fc.array(anyEvent, { maxLength: 3 }), fc.option(anyText, { nil: undefined }))
  .map(([head, attributes, events, error]) => (sink: SpanSink): void => {
    sink.begin(head)
    attributes(sink)
    for (const event of events) event(sink)
    sink.end(error)
  })

const anyRecord: fc.Arbitrary<Step<LogSink>> = fc
  .tuple(
    fc.record<LogHead>({
      timeMs: anyTime,
      severityNumber: fc.constantFrom(5, 9, 13, 17),
      severityText: fc.constantFrom('DEBUG', 'INFO'),
      body: anyText,
      eventName: fc.constantFrom('event', 'gen_ai.client.inference.operation.details'),
      trace: fc.option(fc.record({ traceId: idOf(32), spanId: idOf(16), sampled: fc.boolean() }), {
        nil: undefined,
      }),
    }),
    anyAttributes,
  )
  .map(([head, attributes]) => (sink: LogSink): void => {
    sink.begin(head)
    attributes(sink)
    sink.end()
  })

test('of any spans', () => {
  const shared = new SharedBytes()
  fc.assert(
    fc.property(fc.array(anySpan, { minLength: 1, maxLength: 5 }), (spans) => {
      const sdk = new SdkSpans(ORIGIN)
      const own = new ProtobufBodies(ENVELOPE, (writer) => new ProtobufSpans(writer, shared))
      for (const write of spans) {
        write(sdk)
        write(own.sink)
      }
      expect(read(own.finish(), TRACES)).toEqual(
        read([ProtobufTraceSerializer.serializeRequest(sdk.take())], TRACES),
      )
    }),
  )
})

test('of any log records', () => {
  const shared = new SharedBytes()
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 5 }), (records) => {
      const sdk = new SdkLogRecords(ORIGIN)
      const own = new ProtobufBodies(ENVELOPE, (writer) => new ProtobufLogRecords(writer, shared))
      for (const write of records) {
        write(sdk)
        write(own.sink)
      }
      expect(read(own.finish(), LOGS)).toEqual(
        read([ProtobufLogsSerializer.serializeRequest(sdk.take())], LOGS),
      )
    }),
  )
})

test('spans that are many are told in several messages, none of them large', () => {
  const head = fc.sample(anyHead, 1)[0]!
  const own = new ProtobufBodies(ENVELOPE, (writer) => new ProtobufSpans(writer, new SharedBytes()))
  for (let index = 0; index < 5_000; index += 1) {
    own.sink.begin({ ...head, name: `span ${index}` })
    own.sink.text('text', 'x'.repeat(100))
    own.sink.end(undefined)
    own.callWritten()
  }
  const bodies = own.finish()
  expect(bodies.length).toBeGreaterThan(1)
  for (const body of bodies) expect(body.length).toBeLessThan(300_000)
  const names = bodies.flatMap((body) =>
    spansOf(decode(Buffer.from(body), TRACES) as Tree).map((span) => span['name']),
  )
  expect(names).toEqual(Array.from({ length: 5_000 }, (_, index) => `span ${index}`))
})

// oxlint-disable-next-line typescript/no-explicit-any
type Tree = Record<string, any>

function spansOf(request: Tree): Tree[] {
  return request['resourceSpans'][0].scopeSpans[0].spans
}

/** Decoded, with what stands for nothing left out, and attributes in the order of their names. */
function read(bodies: readonly (Uint8Array | undefined)[], table: MessageTable): unknown {
  return bodies.map((body) => plain(decode(Buffer.from(body ?? []), table)))
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([name, member]) => !(name === 'status' && member.code === 0))
  return Object.fromEntries(
    kept.map(([name, member]) => [
      name,
      name === 'attributes' ? sorted(member as Tree[]).map(plain) : plain(member),
    ]),
  )
}

function sorted(attributes: Tree[]): Tree[] {
  return attributes.toSorted((a, b) => (a['key'] < b['key'] ? -1 : 1))
}
