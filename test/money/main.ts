/** `npm run money`: the long form of the money proof. `SLUICE_MONEY_CALLS` and `SLUICE_MONEY_SEED` as in the test. */
import { startPostgresql } from '../postgresql.ts'
import { runMoney } from './money-run.ts'
import { printProof, prove } from './proof.ts'

const calls = Number(process.env['SLUICE_MONEY_CALLS'] ?? 1_000)
const seed = Number(process.env['SLUICE_MONEY_SEED'] ?? Date.now() % 1_000_000_000)
await using postgresql = await startPostgresql()
let faults = 0
process.stdout.write(`${calls} calls, seed ${seed}\n\n`)
for (const cancelOnDisconnect of [false, true]) {
  const share = Math.ceil(calls / 2)
  const troubles = Math.max(6, Math.ceil(share / 50))
  const run = await runMoney({
    seed,
    calls: share,
    troubles,
    concurrency: 12,
    cancelOnDisconnect,
    postgresql,
  })
  const proof = prove(run, cancelOnDisconnect)
  faults += proof.faults.length
  process.stdout.write(`${printProof(`cancel_on_disconnect: ${cancelOnDisconnect}`, proof)}\n`)
  for (const fault of proof.faults) process.stdout.write(`FAULT ${fault}\n`)
}
process.stdout.write(
  faults === 0
    ? 'Each call is booked once; exact rows equal the meter, estimates keep their bounds.\n'
    : `${faults} faults\n`,
)
process.exitCode = faults === 0 ? 0 : 1
