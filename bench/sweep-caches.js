// Preloaded into a program that runs on a simulated processor (touched-memory.ts): each SIGUSR2 fills the simulated cache,
// which has 1 MB, with other memory, as the neighbours of a machine do while a program waits.
const other = new Int32Array(2 * 262_144)
const PIECE = 64 / Int32Array.BYTES_PER_ELEMENT
let sum = 0

function sweep() {
  for (let index = 0; index < other.length; index += PIECE) sum += other[index] ?? 0
}

// Compiled before it is counted, so that each sweep takes the same.
for (let count = 0; count < 300; count += 1) sweep()
process.on('SIGUSR2', sweep)
