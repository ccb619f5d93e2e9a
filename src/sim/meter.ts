/** The meter: what the simulator would put on the bill, call by call, exact to the token. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { NO_USAGE, completionTokens } from '../dialects/usage.ts'
import type { DialectName } from '../dialects/dialect.ts'
import type { Usage } from '../dialects/usage.ts'

/**
 * `complete`: the whole answer went out. `aborted`: the caller left. `faulted`: the simulator broke off or answered
 * with an error, as it was told.
 */
export type MeterState = 'streaming' | 'complete' | 'aborted' | 'faulted'

export interface MeterEntry {
  /**
   * The gateway's id of the call, from the header `x-litellm-call-id` or `x-client-request-id`; else the simulator's
   * own request id. One call may have several entries: one an attempt.
   */
  readonly callId: string
  readonly simRequestId: string
  readonly dialect: DialectName
  readonly model: string
  readonly stream: boolean
  readonly status: number
  readonly state: MeterState
  /** False as long as no content was produced: errors before content, refused calls and count_tokens are free. */
  readonly billed: boolean
  /** What is billed: all of the input, and the output that was sent. Nothing when not billed. */
  readonly usage: Usage
  /** Output tokens of every class sent so far. */
  readonly outputTokensSent: number
}

export interface MeterTotals {
  readonly calls: number
  readonly billedCalls: number
  readonly usage: Usage
}

export interface CallFacts {
  readonly callId: string
  readonly simRequestId: string
  readonly dialect: DialectName
}

const MAX_ENTRIES = 100_000

/** One call on the meter, while it lasts. */
export class MeterCall {
  readonly #facts: CallFacts
  readonly #meter: Meter
  #model = ''
  #stream = false
  #planned: Usage = NO_USAGE
  #outputTokens = 0
  #reasoningTokens = 0
  #billed = false
  #status = 0
  #state: MeterState = 'streaming'

  constructor(meter: Meter, facts: CallFacts) {
    this.#meter = meter
    this.#facts = facts
  }

  /** What the call will have used if it goes on to its end. */
  plan(model: string, stream: boolean, usage: Usage): void {
    this.#model = model
    this.#stream = stream
    this.#planned = usage
  }

  /** Content went out: from the first on, the input (and output audio) is billed. */
  produce(outputTokens: number, reasoningTokens: number): void {
    this.#billed = true
    this.#outputTokens += outputTokens
    this.#reasoningTokens += reasoningTokens
  }

  /** All that was planned went out. */
  produceAll(): void {
    this.#billed = true
    this.#outputTokens = this.#planned.outputTokens
    this.#reasoningTokens = this.#planned.reasoningTokens
  }

  /** The call is over; only the first end counts. */
  end(state: Exclude<MeterState, 'streaming'>, status: number): void {
    if (this.#state !== 'streaming') return
    this.#state = state
    this.#status = status
    this.#meter.ended(this)
  }

  toEntry(): MeterEntry {
    const usage = this.#billed
      ? { ...this.#planned, outputTokens: this.#outputTokens, reasoningTokens: this.#reasoningTokens }
      : NO_USAGE
    return {
      ...this.#facts,
      model: this.#model,
      stream: this.#stream,
      status: this.#status,
      state: this.#state,
      billed: this.#billed,
      usage,
      outputTokensSent: completionTokens(usage),
    }
  }
}

export class Meter {
  #file: number | undefined
  #calls: MeterCall[] = []
  #unwritten: MeterCall[] = []

  /** @param path a file to which each ended call is appended, one JSON object a line. */
  constructor(path?: string) {
    this.#file = path === undefined ? undefined : openSync(path, 'a', 0o600)
  }

  begin(facts: CallFacts): MeterCall {
    const call = new MeterCall(this, facts)
    // Halved, not shifted one by one: a bench must not pay for the bound.
    if (this.#calls.length >= MAX_ENTRIES) this.#calls = this.#calls.slice(MAX_ENTRIES / 2)
    this.#calls.push(call)
    return call
  }

  ended(call: MeterCall): void {
    if (this.#file === undefined) return
    if (this.#unwritten.length === 0) setImmediate(() => this.flush())
    this.#unwritten.push(call)
  }

  /** The calls since the start or the last `clear`, oldest first: the newest 50,000 at the least. */
  entries(): readonly MeterEntry[] {
    return this.#calls.map((call) => call.toEntry())
  }

  totals(): MeterTotals {
    return totalsOf(this.entries())
  }

  clear(): void {
    this.#calls = []
  }

  /** Writes ended calls to the file. */
  flush(): void {
    if (this.#file === undefined || this.#unwritten.length === 0) return
    const lines = this.#unwritten.map((call) => `${JSON.stringify(call.toEntry())}\n`).join('')
    this.#unwritten = []
    writeSync(this.#file, lines)
  }

  close(): void {
    this.flush()
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }
}

/** Adds up what is billed. */
function totalsOf(entries: readonly MeterEntry[]): MeterTotals {
  const billed = entries.filter((entry) => entry.billed)
  const sum = (pick: (usage: Usage) => number): number =>
    billed.reduce((total, entry) => total + pick(entry.usage), 0)
  return {
    calls: entries.length,
    billedCalls: billed.length,
    usage: {
      inputTokens: sum((usage) => usage.inputTokens),
      inputAudioTokens: sum((usage) => usage.inputAudioTokens),
      cacheReadTokens: sum((usage) => usage.cacheReadTokens),
      cacheWrite5mTokens: sum((usage) => usage.cacheWrite5mTokens),
      cacheWrite1hTokens: sum((usage) => usage.cacheWrite1hTokens),
      outputTokens: sum((usage) => usage.outputTokens),
      reasoningTokens: sum((usage) => usage.reasoningTokens),
      outputAudioTokens: sum((usage) => usage.outputAudioTokens),
      webSearchRequests: sum((usage) => usage.webSearchRequests),
      serviceTier: undefined,
    },
  }
}

/** Reads a meter file: every call that has ended, in the order of their ends. */
export function readMeterFile(path: string): readonly MeterEntry[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const entry: MeterEntry = JSON.parse(line)
      return entry
    })
}
