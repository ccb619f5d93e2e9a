/**
 * Calls that end in every way, while the gateway is killed and stopped and its database goes away: afterwards the
 * ledger is held against the provider's own meter. `SLUICE_MONEY_SEED` repeats a run's calls and troubles, and
 * `SLUICE_MONEY_CALLS` sets their number; `npm run money` is the long form.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { runMoney, type RunResult } from './money-run.ts'
import { printProof, prove } from './proof.ts'

const CALLS = Number(process.env['SLUICE_MONEY_CALLS'] ?? 240)
const SEED = Number(process.env['SLUICE_MONEY_SEED'] ?? Date.now() % 1_000_000_000)

let postgresql: TestPostgresql

beforeAll(async () => {
  process.stdout.write(`money: ${CALLS} calls, SLUICE_MONEY_SEED=${SEED}\n`)
  postgresql = await startPostgresql()
})

afterAll(async () => {
  await postgresql[Symbol.asyncDispose]()
})

describe.each([{ cancels: false }, { cancels: true }])(
  'with cancel_on_disconnect $cancels',
  ({ cancels }) => {
    let run: RunResult

    test('every call stands in the ledger once, as the provider bills it', { timeout: 600_000 }, async () => {
      run = await runMoney({
        seed: SEED,
        calls: Math.ceil(CALLS / 2),
        troubles: Math.max(6, Math.ceil(CALLS / 100)),
        concurrency: 8,
        cancelOnDisconnect: cancels,
        postgresql,
      })
      const proof = prove(run, cancels)
      expect(proof.faults, printProof(`seed ${SEED}`, proof)).toEqual([])
      // Troubles and faults leave enough calls that a difference would show in.
      const complete = proof.lines.find((line) => line.kind === 'complete, provider')
      expect(complete?.exact).toBeGreaterThan(CALLS / 10)
      expect(proof.lines.map((line) => line.kind)).toContain('interrupted, estimated')
    })

    test('the proof notices a call that is missing, booked twice, or off by one', () => {
      const { books } = run
      const billed = books.calls.findIndex((call) => call.ending === 'complete')
      const row = books.calls[billed]!
      const others = books.calls.toSpliced(billed, 1)
      const faults = (calls: typeof others): readonly string[] =>
        prove({ ...run, books: { ...books, calls } }, cancels).faults
      expect(faults(others).join()).toContain('0 rows')
      expect(faults([...books.calls, row]).join()).toContain('2 rows')
      expect(faults([...others, { ...row, picodollars: row.picodollars + 1n }]).join()).toContain('cost')
      const usage = { ...row.usage, inputTokens: row.usage.inputTokens + 1 }
      expect(faults([...others, { ...row, usage }]).join()).toContain('inputTokens')
      expect(faults([...books.calls, { ...row, callId: 'nobody’s' }]).join()).toContain(
        'the meter has not billed it',
      )
    })
  },
)
