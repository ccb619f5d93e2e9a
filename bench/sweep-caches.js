// Preloaded into a program that runs on a simulated processor (touched-memory.ts): each SIGUSR2 fills the simulated cache,
// which has 1 MB, with other memory, as the neighbours of a machine do while a program waits. Each sweep that is done is a
// byte more in the file that SWEPT_FILE names.
import { openSync, writeSync } from 'node:fs'

const other = new Int32Array(2 * 262_144)
const PIECE = 64 / Int32Array.BYTES_PER_ELEMENT
const file = openSync(process.env.SWEPT_FILE ?? '', 'a')

function sweep() {
  let sum = 0
  for (let index = 0; index < other.length; index += PIECE) sum += other[index] ?? 0
  return sum
}

// Compiled before it is counted, so that each sweep takes the same.
for (let count = 0; count < 300; count += 1) sweep()
// What is written depends on the sum, so that no compiler leaves the sweep out.
process.on('SIGUSR2', () => writeSync(file, sweep() === 0 ? '.' : '!'))
