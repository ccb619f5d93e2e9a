/**
 * Judges a ledger by the simulator's meter, call by call. What the rules are, is told to operators in docs/money.md.
 */
import type { Usage } from '../../src/dialects/usage.ts'
import type { MeterEntry } from '../../src/sim/index.ts'
import { TOKEN_COLUMNS, type BookedCall } from './books.ts'
import type { CallPlan } from './call-plan.ts'
import type { Seen } from './play-call.ts'
import { costByHand } from './price-list.ts'

/** All that is known of one call. */
export interface Case {
  readonly callId: string
  readonly plan: CallPlan | undefined
  readonly seen: Seen | undefined
  readonly rows: readonly BookedCall[]
  /** One an attempt, in order. */
  readonly entries: readonly MeterEntry[]
  readonly cancels: boolean
  /** Whether the gateway was killed while the call was under way. */
  readonly killed: boolean
  /** Whether the gateway was asked to stop while the call was under way. */
  readonly stopped: boolean
}

export interface Verdict {
  /** Ending and where the usage comes from: a line of the table. */
  readonly kind: string
  readonly exact: boolean
  readonly faults: readonly string[]
}

export function judge(call: Case): Verdict {
  const row = call.rows[0]
  if (call.rows.length !== 1 || row === undefined) {
    return { kind: 'no single row', exact: false, faults: [`${call.rows.length} rows`] }
  }
  const { plan } = call
  const kind = `${row.ending}, ${row.usageSource}`
  if (plan === undefined) return { kind, exact: false, faults: [`no call was planned for ${row.endUser}`] }
  const judging = new Judging(call, plan, row)
  return { kind, exact: judging.judge(), faults: judging.faults }
}

class Judging {
  readonly faults: string[] = []
  readonly #call: Case
  readonly #plan: CallPlan
  readonly #row: BookedCall
  readonly #billed: readonly MeterEntry[]

  constructor(call: Case, plan: CallPlan, row: BookedCall) {
    this.#call = call
    this.#plan = plan
    this.#row = row
    this.#billed = call.entries.filter((entry) => entry.billed)
  }

  /** @returns whether the row equals the meter token for token. */
  judge(): boolean {
    const row = this.#row
    this.#expect(
      'cost of the row’s own usage',
      row.picodollars,
      costByHand(this.#plan.upstreamModel, row.usage),
    )
    if (this.#billed.length > 1) this.faults.push(`billed ${this.#billed.length} times`)
    if (row.callId !== this.#call.callId) this.faults.push('another call’s row')
    this.#judgeSeen()
    if (row.usageSource === 'provider') return this.#judgeExact()
    if (row.usageSource === 'none') return this.#judgeUnbilled()
    if (this.#isToldWhole()) return this.#judgeExact()
    this.#judgeEstimate()
    return false
  }

  /** What the client saw and the ledger says must not contradict each other. */
  #judgeSeen(): void {
    const { seen } = this.#call
    if (seen?.end === 'whole' && (this.#row.ending !== 'complete' || this.#row.usageSource !== 'provider')) {
      this.faults.push('the client has the whole answer')
    }
    if (this.#row.ending === 'interrupted' && !this.#call.killed) this.faults.push('no gateway was killed')
  }

  /** A provider that broke off after it had told its usage: marked as estimated, and yet exact. */
  #isToldWhole(): boolean {
    const usage = this.#billed.at(-1)?.usage
    if (usage === undefined || usage.webSearchRequests !== this.#row.usage.webSearchRequests) return false
    return TOKEN_COLUMNS.every(([, name]) => this.#row.usage[name] === usage[name])
  }

  #judgeExact(): boolean {
    const entry = this.#billed.at(-1)
    if (entry === undefined) {
      this.faults.push('the meter has not billed it')
      return false
    }
    // A stream that was left right before its end had told its usage already.
    if (entry.state === 'streaming') this.faults.push('the meter is still running')
    this.#expectUsage(entry.usage)
    this.#expect('cost', this.#row.picodollars, costByHand(this.#plan.upstreamModel, toldUsage(entry)))
    return true
  }

  #expectUsage(usage: Usage): void {
    for (const [, name] of TOKEN_COLUMNS) this.#expect(name, this.#row.usage[name], usage[name])
    this.#expect('webSearchRequests', this.#row.usage.webSearchRequests, usage.webSearchRequests)
  }

  #judgeUnbilled(): boolean {
    this.#expect('cost', this.#row.picodollars, 0n)
    if (this.#billed.length > 0) this.faults.push('the meter has billed it')
    if (this.#row.ending === 'complete') this.faults.push('complete, and nothing was used')
    return true
  }

  #judgeEstimate(): void {
    const { ending } = this.#row
    const entry = this.#billed.at(-1) ?? this.#call.entries.at(-1)
    if (ending === 'complete') this.faults.push('complete, and estimated')
    if (ending === 'interrupted') return this.#judgeInput(undefined)
    // A provider that was silent too long may have worked; whether it bills that, only its bill tells.
    if (this.#billed.length === 0 && !this.#mayBeUnbilled())
      this.faults.push('estimated, and the meter has not billed it')
    this.#judgeInput(entry)
    if (entry !== undefined) this.#judgeOutput(entry)
  }

  /** Whether the gateway itself may have cut the connection, with bytes still on their way. */
  #mayBeCut(): boolean {
    return this.#call.stopped || (this.#call.cancels && this.#row.ending === 'client_gone')
  }

  #mayBeUnbilled(): boolean {
    const { plan, cancels, stopped } = this.#call
    const silent = plan?.fault?.startsWith('fault=stall') === true
    const left = this.#row.ending === 'client_gone'
    return this.#row.ending === 'timeout' || (left && (cancels || stopped || silent))
  }

  /** Anthropic tells the input at the start of a stream; elsewhere it is the request's bytes by four. */
  #judgeInput(entry: MeterEntry | undefined): void {
    const { usage } = this.#row
    if (entry !== undefined && this.#plan.dialect === 'anthropic-messages' && this.#plan.stream) {
      const same = INPUT_NAMES.every((name) => usage[name] === entry.usage[name])
      // The meter keeps no input of a call that it does not bill, and the stream may have told it all the same.
      if (same || !entry.billed) return
      if (entry.state === 'faulted') this.faults.push('input was told and is not booked')
    }
    this.#expect('estimated input', usage.inputTokens, Math.ceil(this.#plan.body.length / 4))
    for (const name of INPUT_NAMES.slice(1)) this.#expect(name, usage[name], 0)
    if (entry?.billed === true && this.#plan.naturalInput && inputOf(entry.usage) > usage.inputTokens) {
      this.faults.push(`input estimated at ${usage.inputTokens}, below ${inputOf(entry.usage)}`)
    }
  }

  /** The output that reached the gateway, by its bytes. Nothing that the client got may be missing. */
  #judgeOutput(entry: MeterEntry): void {
    const booked = outputOf(this.#row.usage)
    const metered = outputOf(entry.usage)
    const received = Math.ceil((this.#call.seen?.outputBytes ?? 0) / 4)
    const most = this.#plan.tool ? 2 * metered + 32 : Math.max(1, metered)
    if (booked < received) this.faults.push(`output ${booked}, and the client has ${received}`)
    if (booked > most) this.faults.push(`output ${booked}, and the provider sent ${metered}`)
    // Everything that a provider sent before it broke off has arrived; its hidden reasoning has not.
    const visible =
      metered -
      (isReasoningShown(this.#plan) ? 0 : entry.usage.reasoningTokens) -
      entry.usage.outputAudioTokens
    if (entry.state === 'faulted' && entry.billed && !this.#mayBeCut() && booked < visible) {
      this.faults.push(`output ${booked}, and the provider sent ${visible} before it broke off`)
    }
  }

  #expect(what: string, found: bigint | number, expected: bigint | number): void {
    if (found !== expected) this.faults.push(`${what}: ${found}, expected ${expected}`)
  }
}

const INPUT_NAMES = [
  'inputTokens',
  'inputAudioTokens',
  'cacheReadTokens',
  'cacheWrite5mTokens',
  'cacheWrite1hTokens',
] as const

export function inputOf(usage: Usage): number {
  return INPUT_NAMES.reduce((sum, name) => sum + usage[name], 0)
}

export function outputOf(usage: Usage): number {
  return usage.outputTokens + usage.reasoningTokens + usage.outputAudioTokens
}

/** Completions and embeddings have no member for the service tier. */
export function toldUsage({ dialect, usage }: MeterEntry): Usage {
  const silent = dialect === 'openai-completions' || dialect === 'openai-embeddings'
  return silent ? { ...usage, serviceTier: undefined } : usage
}

function isReasoningShown(plan: CallPlan): boolean {
  if (plan.dialect === 'anthropic-messages') return true
  return plan.dialect === 'openai-responses' && plan.body.includes('"summary":"auto"')
}
