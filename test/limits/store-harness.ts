/** Stores as several processes see them, with a clock that a test moves: one list of tests for all kinds of stores. */
import type { AdmitAnswer, AdmitMessage, Settlement } from '../../src/limits/limit-store.ts'
import { MemoryLimitStore } from '../../src/limits/memory-store.ts'
import { RedisLimitStore, type LimitRedis } from '../../src/limits/redis-store.ts'
import type { Redis } from '../../src/redis/redis.ts'

export interface Clock {
  nowMs: number
}

export interface StoreHarness {
  admit(process: string, message: AdmitMessage): Promise<AdmitAnswer>
  settle(process: string, settlement: Settlement): Promise<void>
  /** What a process settles and asks for in one turn of its event loop. */
  together(
    process: string,
    settlements: readonly Settlement[],
    messages: readonly AdmitMessage[],
  ): Promise<AdmitAnswer[]>
  /** Moves the clock, while those who live say so. */
  pass(ms: number): Promise<void>
  /** Ends a process without a word; the next use of its name is another process. */
  die(process: string): Promise<void>
  close(): Promise<void>
}

/** One store for all processes, which is told when one of them dies. */
export function memoryHarness(clock: Clock): StoreHarness {
  const store = new MemoryLimitStore(() => clock.nowMs)
  return {
    admit: (process, message) => Promise.resolve(store.admit(message, process)),
    settle: (process, settlement) => Promise.resolve(store.settle(settlement, process)),
    together: (process, settlements, messages) => {
      for (const settlement of settlements) store.settle(settlement, process)
      return Promise.resolve(messages.map((message) => store.admit(message, process)))
    },
    pass: (ms) => {
      clock.nowMs += ms
      return Promise.resolve()
    },
    die: (process) => Promise.resolve(store.forget(process)),
    close: () => store.close(),
  }
}

/** Each step is shorter than a process may be silent. */
const STEP_MS = 4_000
const DEATH_MS = 12_000

/** A store in each process, over one Redis. */
export async function redisHarness(redis: Redis, clock: Clock): Promise<StoreHarness> {
  await redis.deleteByPrefix('{sluice:limits}')
  const stores = new Map<string, RedisLimitStore>()
  const storeOf = (process: string): RedisLimitStore => {
    const store = stores.get(process) ?? openStore(redis, clock)
    stores.set(process, store)
    return store
  }
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= STEP_MS) {
      clock.nowMs += Math.min(left, STEP_MS)
      for (const store of stores.values()) await store.flush()
    }
  }
  return {
    admit: async (process, message) => storeOf(process).admit(message),
    settle: async (process, settlement) => {
      storeOf(process).settle(settlement)
      await storeOf(process).flush()
    },
    together: (process, settlements, messages) => {
      const store = storeOf(process)
      for (const settlement of settlements) store.settle(settlement)
      return Promise.all(messages.map(async (message) => store.admit(message)))
    },
    pass,
    die: async (process) => {
      const dead = stores.get(process)
      stores.delete(process)
      await dead?.close()
      await pass(DEATH_MS)
    },
    close: async () => {
      for (const store of stores.values()) await store.close()
    },
  }
}

/**
 * @param redisTime Redis's clock, where it is not that of the processes.
 * @param storeError told of errors of Redis, which are errors of the test where nothing else is said.
 */
export function openStore(
  redis: LimitRedis,
  clock: Clock,
  redisTime: () => number = () => clock.nowMs,
  own = new MemoryLimitStore(() => clock.nowMs),
  storeError: (error: unknown) => void = (error) => {
    throw error
  },
): RedisLimitStore {
  return new RedisLimitStore({
    redis,
    own,
    clock: () => clock.nowMs,
    redisTime,
    observer: { storeFailed: () => undefined, storeError },
  })
}

/** A store whose errors of Redis are no errors of the test. */
export function openTolerantStore(
  redis: LimitRedis,
  clock: Clock,
  own = new MemoryLimitStore(() => clock.nowMs),
): RedisLimitStore {
  return openStore(
    redis,
    clock,
    () => clock.nowMs,
    own,
    () => undefined,
  )
}
