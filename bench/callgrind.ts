/**
 * A program under callgrind of valgrind: a simulated processor, on which neighbours and clock rates have no say. The
 * commands are those of section 6.5 of valgrind's manual (`Callgrind: a call-graph generating cache and branch prediction
 * profiler`).
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const COUNTS = 'callgrind.out'
/** callgrind numbers the threads of a process, and the main thread is the first. */
const MAIN_THREAD = '01'

const COMMAND_TIMEOUT_MS = 60_000

export class Callgrind {
  readonly #directory: string
  readonly #options: readonly string[]

  /**
   * @param directory takes what is counted; one of its own for each program.
   * @param options beside those that every count needs.
   */
  constructor(directory: string, options: readonly string[] = []) {
    this.#directory = directory
    this.#options = options
  }

  /** What the program is put behind. Nothing is counted before it is told to. */
  get command(): readonly [string, ...string[]] {
    return [
      'valgrind',
      '--quiet',
      '--tool=callgrind',
      '--separate-threads=yes',
      '--instr-atstart=no',
      // Code that V8 has replaced is noticed.
      '--smc-check=all-non-file',
      `--callgrind-out-file=${join(this.#directory, COUNTS)}`,
      `--vgdb-prefix=${this.#pipes}`,
      ...this.#options,
    ]
  }

  /** Slow from here on: what runs is simulated. @throws Error when the program is not under callgrind. */
  startCounting(pid: number): void {
    this.#tell(pid, 'instrumentation on')
  }

  /**
   * @returns what the main thread did meanwhile outside of the kernel: events by callgrind's names for them.
   * @throws Error when callgrind writes no count.
   */
  async count(pid: number, action: () => Promise<void>): Promise<ReadonlyMap<string, number>> {
    this.#tell(pid, 'zero')
    await action()
    this.#tell(pid, 'dump')
    return this.#readNewest()
  }

  get #pipes(): string {
    return join(this.#directory, 'vgdb')
  }

  #tell(pid: number, command: string): void {
    const argv = [`--pid=${pid}`, `--vgdb-prefix=${this.#pipes}`, ...command.split(' ')]
    execFileSync('vgdb', argv, { stdio: 'ignore', timeout: COMMAND_TIMEOUT_MS })
  }

  #readNewest(): ReadonlyMap<string, number> {
    const newest = newestDump(readdirSync(this.#directory))
    const text = newest === undefined ? '' : readFileSync(join(this.#directory, newest), 'utf8')
    const totals = readTotals(text)
    if (totals === undefined) throw new Error(`callgrind has written no count into ${this.#directory}`)
    return totals
  }
}

/** A dump is a file a thread: `callgrind.out.NUMBER-THREAD`. @returns that of the main thread with the highest number. */
export function newestDump(files: readonly string[]): string | undefined {
  return files
    .map((file) => ({ file, found: new RegExp(`^${COUNTS}\\.(\\d+)-${MAIN_THREAD}$`).exec(file) }))
    .filter(({ found }) => found !== null)
    .toSorted((one, other) => Number(one.found?.[1]) - Number(other.found?.[1]))
    .at(-1)?.file
}

/** @throws Error when the event is not among those that were counted. */
export function countOf(counts: ReadonlyMap<string, number>, event: string): number {
  const count = counts.get(event)
  if (count === undefined) throw new Error(`callgrind has not counted ${event}`)
  return count
}

/** @returns undefined for what is no dump. */
export function readTotals(dump: string): ReadonlyMap<string, number> | undefined {
  const events = /^events: (.+)$/m.exec(dump)?.[1]?.split(' ')
  const counts = /^totals: (.+)$/m.exec(dump)?.[1]?.split(' ')
  if (events === undefined || counts === undefined) return undefined
  // Zeros at the end of a line are left out.
  return new Map(events.map((event, index) => [event, Number(counts[index] ?? 0)]))
}
