/** What the calls of the soak are like: sound ones, and everything that clients and providers do to a gateway. */
import type { BenchDialect } from '../load-job.ts'

export interface SoakCall {
  readonly name: string
  /** How often, relative to the others. */
  readonly weight: number
  readonly dialect: BenchDialect
  readonly stream: boolean
  readonly bodyBytes: number
  /** Instructions for the simulator. */
  readonly sim: string
  /** `slow` reads a little at a time, `leaves` goes away while the answer comes. */
  readonly client: 'reads' | 'slow' | 'leaves'
  /** Nothing is wrong with it: it has to come to a whole answer, whatever befalls the stores meanwhile. */
  readonly isSound: boolean
}

type Difference = Partial<SoakCall> & Pick<SoakCall, 'name' | 'weight'>

function sound(difference: Difference): SoakCall {
  return {
    dialect: 'openai-chat',
    stream: false,
    bodyBytes: 1_000,
    sim: 'tokens=60 latency=20',
    client: 'reads',
    isSound: true,
    ...difference,
  }
}

function faulty(fault: string, difference: Partial<SoakCall> = {}): SoakCall {
  const stream = fault.includes('@')
  const sim = `${stream ? 'chunks=12 interval=20' : 'tokens=60'} ${fault}`
  return sound({ name: fault, weight: 1, stream, sim, isSound: false, ...difference })
}

const STREAM = { stream: true, sim: 'chunks=60 interval=25' } as const

export const SOAK_CALLS: readonly SoakCall[] = [
  sound({ name: 'whole', weight: 30 }),
  sound({ name: 'whole, Responses', weight: 8, dialect: 'openai-responses' }),
  sound({ name: 'whole, messages', weight: 8, dialect: 'anthropic-messages' }),
  sound({ name: 'whole, 100 KB', weight: 6, bodyBytes: 100_000 }),
  sound({ name: 'whole, 2 MB', weight: 1, bodyBytes: 2_000_000 }),
  sound({ name: 'stream', weight: 12, ...STREAM }),
  sound({ name: 'stream, Responses', weight: 6, ...STREAM, dialect: 'openai-responses' }),
  sound({ name: 'stream, messages', weight: 6, ...STREAM, dialect: 'anthropic-messages' }),
  sound({
    name: 'slow reader',
    weight: 1,
    stream: true,
    sim: 'chunks=2000 chunk-tokens=500',
    client: 'slow',
  }),
  sound({ name: 'saved by a second try', weight: 2, sim: 'tokens=60 fault=500 times=1' }),
  sound({ name: 'client leaves a stream', weight: 3, ...STREAM, client: 'leaves', isSound: false }),
  sound({ name: 'client leaves', weight: 2, sim: 'latency=400', client: 'leaves', isSound: false }),
  faulty('fault=500'),
  faulty('fault=429'),
  faulty('fault=reset'),
  faulty('fault=html502'),
  faulty('fault=slow-headers hold=1500'),
  faulty('fault=cut@3'),
  faulty('fault=fin@3'),
  faulty('fault=stall@3 hold=1500'),
  faulty('fault=malformed@3'),
  faulty('fault=error@3'),
]

const TOTAL_WEIGHT = SOAK_CALLS.reduce((sum, { weight }) => sum + weight, 0)

/** @param lot from 0 to 1. */
export function callByLot(lot: number): SoakCall {
  let left = lot * TOTAL_WEIGHT
  for (const call of SOAK_CALLS) {
    left -= call.weight
    if (left < 0) return call
  }
  throw new RangeError(`a lot is below 1, and this is ${lot}`)
}
