/** What befalls the gateway and its database while calls are under way. */
import { setTimeout as delay } from 'node:timers/promises'
import type { TestPostgresql } from '../postgresql.ts'
import type { Random } from './random.ts'

export const TROUBLES = [
  'gateway killed',
  'gateway stopped',
  'gateway stopped in haste',
  'PostgreSQL stopped',
  'PostgreSQL crashed',
  'both killed',
] as const

export type Trouble = (typeof TROUBLES)[number]

/** The gateway as the troubles see it. */
export interface Restartable {
  kill(): Promise<void>
  /** SIGTERM, and until it has ended; calls under way get so long. */
  stop(): Promise<void>
  start(grace: 'patient' | 'hasty'): Promise<void>
}

/** Every trouble once before any comes twice, in random order. */
export function planTroubles(random: Random, count: number): readonly Trouble[] {
  const troubles: Trouble[] = []
  let left: Trouble[] = []
  while (troubles.length < count) {
    if (left.length === 0) left = [...TROUBLES]
    const next = random.pick(left)
    left = left.filter((trouble) => trouble !== next)
    troubles.push(next)
  }
  return troubles
}

/** Makes the trouble, and ends it: afterwards everything runs again. */
export async function makeTrouble(
  trouble: Trouble,
  random: Random,
  gateway: Restartable,
  postgresql: TestPostgresql,
): Promise<void> {
  // A whim of time, for the trouble to fall anywhere; nothing depends on its length.
  await delay(random.between(0, 300))
  switch (trouble) {
    case 'gateway killed':
      await gateway.kill()
      return await gateway.start('patient')
    case 'gateway stopped':
      await gateway.stop()
      return await gateway.start('hasty')
    case 'gateway stopped in haste':
      await gateway.kill()
      await gateway.start('hasty')
      await delay(random.between(50, 500))
      await gateway.stop()
      return await gateway.start('patient')
    case 'PostgreSQL stopped':
    case 'PostgreSQL crashed':
      await postgresql.stop(trouble === 'PostgreSQL crashed' ? 'immediate' : 'fast')
      await delay(random.between(100, 1_500))
      return await postgresql.start()
    case 'both killed':
      await Promise.all([postgresql.stop('immediate'), gateway.kill()])
      await postgresql.start()
      return await gateway.start('patient')
  }
}
