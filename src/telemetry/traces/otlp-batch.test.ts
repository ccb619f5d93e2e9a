/** Calls of a batch are told once and in their order, whenever they came. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { TRACES } from '../../../test/telemetry/otlp-tables.ts'
import { decode } from '../../../test/telemetry/protobuf.ts'
import { endOf, startOf } from '../../../test/telemetry/sample-calls.ts'
import type { OutgoingRequest } from '../export/send-request.ts'
import type { SettledCall } from '../export/settled-call.ts'
import { createRedactor } from '../redaction.ts'
import { GenAiWords } from './gen-ai-words.ts'
import { readOtlpSettings, type OtlpProtocol } from './otel-environment.ts'
import { OtlpBatch } from './otlp-batch.ts'
import { OtlpEncoding } from './otlp-encoding.ts'
import { newSpanId } from './trace-context.ts'

const CALLS = 100
const IDS = Array.from({ length: CALLS }, (_, index) => `call-${index}`)

function encodingFor(protocol: OtlpProtocol): OtlpEncoding {
  const environment = { OTEL_ENDPOINT: 'http://collector', OTEL_EXPORTER_OTLP_PROTOCOL: protocol }
  const redactor = createRedactor()
  return new OtlpEncoding({
    ...readOtlpSettings(environment, '1.0.0')!,
    version: '1.0.0',
    words: new GenAiWords(String, false),
    contentInSpans: false,
    contentInLogs: false,
    redactor,
  })
}

function callOf(callId: string): SettledCall {
  const trace = {
    traceId: 'a'.repeat(32),
    spanId: newSpanId(),
    parentSpanId: undefined,
    traceState: undefined,
    sampled: true,
  }
  return { start: startOf({ callId, trace }), end: endOf() }
}

/** Ids of the calls whose spans are in the messages. */
function toldIds(messages: readonly OutgoingRequest[]): unknown[] {
  // oxlint-disable-next-line typescript/no-explicit-any
  type Tree = Record<string, any>
  return messages.flatMap(({ headers, body }) => {
    const isJson = headers['content-type'] === 'application/json'
    const request: Tree = isJson ? JSON.parse(String(body)) : decode(Buffer.from(body), TRACES)
    const spans: Tree[] = request['resourceSpans'][0].scopeSpans[0].spans
    return spans
      .filter(({ kind }) => kind === 2)
      .map(
        ({ attributes }) =>
          attributes.find((one: Tree) => one['key'] === 'litellm.call_id').value.stringValue,
      )
  })
}

test.each(['http/protobuf', 'grpc', 'http/json'] as const)(
  'by %s, before and after the SDK is there',
  async (protocol) => {
    const encoding = encodingFor(protocol)
    const loading = Promise.withResolvers<OtlpEncoding>()
    const state = { whenLoaded: loading.promise, loaded: undefined as OtlpEncoding | undefined }
    const batch = new OtlpBatch(state)
    for (const id of IDS.slice(0, 30)) batch.add(callOf(id))
    await nextTurn()
    state.loaded = encoding
    loading.resolve(encoding)
    for (const id of IDS.slice(30, 60)) batch.add(callOf(id))
    await nextTurn()
    for (const id of IDS.slice(60)) batch.add(callOf(id))
    expect(batch.calls).toBe(CALLS)
    expect(toldIds(await batch.messages())).toEqual(IDS)
  },
)

test('a call that cannot be written is told to whoever asks for the messages', async () => {
  const encoding = encodingFor('http/protobuf')
  const batch = new OtlpBatch({ whenLoaded: Promise.resolve(encoding), loaded: encoding })
  const call = callOf('call-1')
  batch.add({
    ...call,
    end: {
      ...call.end,
      get attempts(): never {
        throw new TypeError('no attempts')
      },
    },
  })
  await nextTurn()
  await expect(batch.messages()).rejects.toThrow('no attempts')
})
