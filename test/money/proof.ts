/** The verdict over a whole run: every call, every sum, and the table of them. */
import { toDecimal, toDollars, picodollars } from '../../src/money/picodollars.ts'
import { TOKEN_COLUMNS, type BookedCall } from './books.ts'
import { inputOf, judge, outputOf, toldUsage, type Case, type Verdict } from './judge.ts'
import type { Ending, RunResult } from './money-run.ts'
import type { Seen } from './play-call.ts'
import { costByHand } from './price-list.ts'

export interface Proof {
  readonly faults: readonly string[]
  /** Calls of each kind of ending. */
  readonly lines: readonly ProofLine[]
  /** What the clients saw, by kind. */
  readonly seen: ReadonlyMap<string, number>
}

export interface ProofLine {
  readonly kind: string
  readonly rows: number
  readonly exact: number
  readonly meteredPicodollars: bigint
  readonly bookedPicodollars: bigint
}

export function prove(run: RunResult, cancels: boolean): Proof {
  const verdicts = casesOf(run, cancels).map((call) => ({ call, verdict: judge(call) }))
  const faults = verdicts.flatMap(({ call, verdict }) => verdict.faults.map((fault) => describe(call, fault)))
  faults.push(...faultsOfSeen(run), ...faultsOfSums(run), ...faultsOfShown(run))
  faults.push(...run.leftovers.map((name) => `the journal still holds ${name}`))
  const kinds = Map.groupBy(verdicts, ({ verdict }) => verdict.kind)
  return {
    faults,
    lines: [...kinds].map(([kind, group]) => lineOf(kind, group)).toSorted((a, b) => b.rows - a.rows),
    seen: new Map([...Map.groupBy(run.seen, (seen) => seen.end)].map(([end, group]) => [end, group.length])),
  }
}

function casesOf(run: RunResult, cancels: boolean): readonly Case[] {
  const rows = Map.groupBy(run.books.calls, (row) => row.callId)
  const entries = Map.groupBy(run.meter, (entry) => entry.callId)
  const plans = new Map(run.plans.map((plan) => [plan.id, plan]))
  const seen = new Map(run.seen.map((one) => [one.plan.id, one]))
  return [...new Set([...rows.keys(), ...entries.keys()])].map((callId) => {
    const id = rows.get(callId)?.[0]?.endUser ?? ''
    const client = seen.get(id)
    return {
      callId,
      plan: plans.get(id),
      seen: client,
      rows: rows.get(callId) ?? [],
      entries: entries.get(callId) ?? [],
      cancels,
      killed: met(run.endings, 'killed', client),
      stopped: met(run.endings, 'stopped', client),
    }
  })
}

/** A call that its client left may go on: it is as long as its gateway gives it at most. */
const LONGEST_CALL_MS = 10_000

function met(endings: readonly Ending[], kind: Ending['kind'], seen: Seen | undefined): boolean {
  if (seen === undefined) return false
  const endedAtMs = seen.end === 'left' ? seen.endedAtMs + LONGEST_CALL_MS : seen.endedAtMs
  return endings.some(
    (ending) => ending.kind === kind && ending.fromMs <= endedAtMs && ending.toMs >= seen.startedAtMs,
  )
}

function describe(call: Case, fault: string): string {
  const { plan, seen, rows, entries } = call
  const meter = entries.map(
    (entry) =>
      `${entry.state} ${entry.status}${entry.billed ? ` ${inputOf(entry.usage)}+${outputOf(entry.usage)}` : ''}`,
  )
  const booked = rows.map(
    (row) => `${row.ending} ${row.usageSource} ${inputOf(row.usage)}+${outputOf(row.usage)}`,
  )
  const asked = plan === undefined ? 'unplanned' : `${plan.id} ${plan.dialect}${plan.stream ? ' stream' : ''}`
  const leave = plan?.leave === undefined ? '' : ` leave=${JSON.stringify(plan.leave)}`
  return (
    `${fault} — ${asked} ${plan?.fault ?? ''}${leave}; client: ${seen?.end} ${seen?.status}; ` +
    `meter: ${meter.join(', ') || 'nothing'}; ledger: ${booked.join(', ') || 'nothing'}`
  )
}

/** Whoever got something of a provider's answer stands in the ledger. */
function faultsOfSeen(run: RunResult): readonly string[] {
  const booked = new Set(run.books.calls.map((call) => call.endUser))
  return run.seen
    .filter((seen) => seen.status === 200 && !booked.has(seen.plan.id))
    .map((seen) => `${seen.plan.id} was answered and stands in no row`)
}

/** Totals by scope and roll-ups by day are the sums of the rows, and nothing else. */
function faultsOfSums({ books }: RunResult): readonly string[] {
  const totals = new Map<string, bigint>()
  for (const call of books.calls) {
    if (call.picodollars === 0n) continue
    for (const scope of call.scopes) totals.set(scope, (totals.get(scope) ?? 0n) + call.picodollars)
  }
  const days = new Map(
    [...Map.groupBy(books.calls, (call) => call.day)].map(([day, calls]) => [day, sumsOf(calls)]),
  )
  return [...differences('total', books.totals, totals), ...differences('roll-up', books.days, days)]
}

function sumsOf(calls: readonly BookedCall[]): string {
  return [
    calls.reduce((sum, call) => sum + call.picodollars, 0n),
    calls.length,
    calls.filter((call) => call.status === 'success').length,
    ...TOKEN_COLUMNS.map(([, name]) => calls.reduce((sum, call) => sum + call.usage[name], 0)),
  ].join(' ')
}

function differences<Value>(
  what: string,
  found: ReadonlyMap<string, Value>,
  expected: ReadonlyMap<string, Value>,
): readonly string[] {
  return [...new Set([...found.keys(), ...expected.keys()])]
    .filter((key) => found.get(key) !== expected.get(key))
    .map((key) => `${what} ${key}: ${String(found.get(key))}, expected ${String(expected.get(key))}`)
}

/** The API shows every row once, as it is. */
function faultsOfShown(run: RunResult): readonly string[] {
  const expected = new Map(
    run.books.calls.map((call) => [
      call.callId,
      `${call.endUser} ${toDollars(picodollars(call.picodollars))} ${inputOf(call.usage)} ${outputOf(call.usage)}`,
    ]),
  )
  const shown = new Map(
    run.shown.map((call) => [
      call.request_id,
      `${call.end_user} ${call.spend} ${call.prompt_tokens} ${call.completion_tokens}`,
    ]),
  )
  const twice = run.shown.length === shown.size ? [] : ['/spend/logs/v2 shows a call twice']
  return [...twice, ...differences('/spend/logs/v2', shown, expected)]
}

function lineOf(kind: string, group: readonly { call: Case; verdict: Verdict }[]): ProofLine {
  let meteredPicodollars = 0n
  let bookedPicodollars = 0n
  for (const { call } of group) {
    for (const row of call.rows) bookedPicodollars += row.picodollars
    for (const entry of call.entries) {
      if (entry.billed) meteredPicodollars += costByHand(entry.model, toldUsage(entry))
    }
  }
  const exact = group.filter(({ verdict }) => verdict.exact).length
  return { kind, rows: group.length, exact, meteredPicodollars, bookedPicodollars }
}

/** The table of a proof, for people. */
export function printProof(title: string, proof: Proof): string {
  const dollars = (amount: bigint): string => toDecimal(picodollars(amount))
  const table = [
    ['ending', 'rows', 'exact', 'metered USD', 'booked USD', 'difference'],
    ...proof.lines.map((line) => [
      line.kind,
      String(line.rows),
      String(line.exact),
      dollars(line.meteredPicodollars),
      dollars(line.bookedPicodollars),
      dollars(line.bookedPicodollars - line.meteredPicodollars),
    ]),
  ]
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = table.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  )
  const seen = [...proof.seen].map(([end, count]) => `${count} ${end}`).join(', ')
  return [title, `clients saw: ${seen}`, ...lines, ''].join('\n')
}
