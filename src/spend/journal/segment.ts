/** One file of the journal, and how many of its records still need it. */
import { join } from 'node:path'

export class Segment {
  readonly number: number
  readonly path: string
  bytes = 0
  /** True when nothing more is written to it. */
  closed = false
  /** Starts in it without an end, and ends in it that wait in memory to be booked. */
  pins = 0
  /** Ends in it that are to be read back before they can be booked. */
  spilled = 0

  constructor(directory: string, number: number) {
    this.number = number
    this.path = join(directory, segmentName(number))
  }

  /** Whether no call needs it any more. */
  get finished(): boolean {
    return this.closed && this.pins === 0 && this.spilled === 0
  }
}

function segmentName(number: number): string {
  return `${String(number).padStart(6, '0')}.log`
}

/** The segments among a directory's files, oldest first. */
export function segmentFiles(names: readonly string[]): string[] {
  return names
    .filter((name) => /^\d{6,}\.log$/.test(name))
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
}
