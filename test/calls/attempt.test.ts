/** One attempt against a real provider: how large answers and streams are dealt with. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DIALECTS } from '../../src/dialects/index.ts'
import type { DialectName, StreamTap } from '../../src/dialects/dialect.ts'
import { Attempt, type AttemptOwner, type StreamSink } from '../../src/calls/attempt.ts'
import type { AttemptFailure } from '../../src/calls/attempt-failure.ts'
import { UpstreamPools } from '../../src/upstream/upstream-pools.ts'
import type { Deployment } from '../../src/routing/deployment.ts'
import { ScriptedProvider, type Exchange } from './scripted-provider.ts'

let provider: ScriptedProvider
const pools = new UpstreamPools({ connectTimeoutMs: 5_000, keepAliveTimeoutMs: 5_000 })

beforeAll(async () => {
  provider = await ScriptedProvider.start()
})

afterAll(async () => {
  await pools.close()
  await provider.close()
})

/** Gathers what an attempt reports. */
class Recorder implements AttemptOwner {
  readonly stream: boolean
  readonly maxAnswerBytes = 1_000
  readonly dialect: DialectName
  readonly sent: string[] = []
  readonly over: Promise<{ readonly failure: AttemptFailure | undefined; readonly bytes: number }>
  #end: (outcome: { failure: AttemptFailure | undefined; bytes: number }) => void = () => undefined

  constructor(dialect: DialectName, stream: boolean) {
    this.dialect = dialect
    this.stream = stream
    this.over = new Promise((resolve) => (this.#end = resolve))
  }

  openTap(): StreamTap {
    return DIALECTS[this.dialect].openStream({
      model: 'm',
      stream: true,
      maxOutputTokens: undefined,
      asksStreamUsage: true,
      endUser: undefined,
      tags: [],
      sessionId: undefined,
      spendLogsMetadata: undefined,
    })
  }

  attemptContent(): StreamSink {
    return { write: (chunk) => this.sent.push(chunk) > 0 }
  }

  attemptAnswered(_attempt: Attempt, body: Buffer): void {
    this.#end({ failure: undefined, bytes: body.length })
  }

  attemptStreamed(_attempt: Attempt, held: string): void {
    this.sent.push(held)
    this.#end({ failure: undefined, bytes: this.sent.join('').length })
  }

  attemptFailed(_attempt: Attempt, failure: AttemptFailure): void {
    this.#end({ failure, bytes: this.sent.join('').length })
  }
}

async function attempt(dialect: DialectName, stream: boolean): Promise<[Recorder, Exchange]> {
  const recorder = new Recorder(dialect, stream)
  // An attempt looks at its deployment's family only.
  const deployment = { family: DIALECTS[dialect].family } as Deployment
  const request = { path: '/', headers: [], body: [Buffer.from('{}')], idleTimeoutMs: 0 }
  const begun = new Attempt(recorder, deployment)
  begun.sent(pools.forOrigin(provider.url).send(request, begun))
  return [recorder, await provider.next()]
}

const DELTA =
  'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hi"}\n\n'

/** The event that ends a Responses stream, which repeats the whole answer. */
function completed(bytes: number): string {
  const response = {
    status: 'completed',
    output: ['x'.repeat(bytes)],
    usage: { input_tokens: 1, output_tokens: 1 },
  }
  return `event: response.completed\ndata: ${JSON.stringify({ type: 'response.completed', response })}\n\n`
}

describe('an answer larger than the limit', () => {
  test('is given up at once, told as the provider’s, and not worth another try', async () => {
    const [recorder, exchange] = await attempt('openai-chat', false)
    exchange.response
      .writeHead(200, { 'content-type': 'application/json' })
      .write(`{"a":"${'x'.repeat(2_000)}`)
    const { failure } = await recorder.over
    await exchange.closed
    expect(failure).toMatchObject({ ending: 'provider_error', retryable: false })
    expect(failure?.error.code).toBe('provider_bad_answer')
    expect(failure?.error.message).toContain('larger')
  })

  test('just within it is whole', async () => {
    const [recorder, exchange] = await attempt('openai-chat', false)
    exchange.answer(200, { 'content-type': 'application/json' }, Buffer.alloc(1_000, 'x'))
    expect(await recorder.over).toEqual({ failure: undefined, bytes: 1_000 })
  })
})

describe('a stream whose held parts are large', () => {
  test('ends whole when its last event repeats an answer of megabytes', async () => {
    const [recorder, exchange] = await attempt('openai-responses', true)
    const last = completed(3_000_000)
    exchange.stream(DELTA)
    exchange.end(last)
    expect(await recorder.over).toEqual({ failure: undefined, bytes: DELTA.length + last.length })
  })

  test('begins when its first event echoes instructions of megabytes', async () => {
    const [recorder, exchange] = await attempt('openai-responses', true)
    const created = `event: response.created\ndata: {"response":{"instructions":"${'x'.repeat(2_000_000)}"}}\n\n`
    exchange.stream(created)
    exchange.end(DELTA + completed(1))
    const { failure, bytes } = await recorder.over
    expect(failure).toBeUndefined()
    expect(bytes).toBeGreaterThan(created.length)
  })

  test('is given up when nothing but preamble comes', async () => {
    const [recorder, exchange] = await attempt('openai-chat', true)
    const comment = `: ${'x'.repeat(1_000_000)}\n\n`
    exchange.stream(comment)
    for (let count = 0; count < 40; count += 1) await Promise.race([exchange.write(comment), exchange.closed])
    const { failure } = await recorder.over
    expect(failure).toMatchObject({ ending: 'provider_error', retryable: false })
    await exchange.closed
  })
})
