/**
 * Wakes the other processes when a key, a user or a team has changed: by Redis where there is one, else by PostgreSQL's
 * notifications. A message says only that something has changed; what it is, each process reads from the table. So a
 * message that is lost costs time and never a change: everybody looks every second anyway.
 */
import { sql } from 'kysely'
import type { Redis } from '../redis/redis.ts'
import type { Database } from '../storage/database.ts'

export interface ChangeNotifier {
  /** False while no message can arrive: then whoever waits for one has to look by itself, and more often. */
  readonly reaches: boolean
  /** Tells the others, in the background. */
  announce(): void
  close(): Promise<void>
}

const CHANNEL = 'sluice_principal_change'

/** @param onChange told of each message, the own ones too, and when messages may have been missed. */
export function openChangeNotifier(
  database: Database,
  redis: Redis | undefined,
  onChange: () => void,
): ChangeNotifier {
  return redis === undefined ? byDatabase(database, onChange) : byRedis(redis, onChange)
}

function byRedis(redis: Redis, onChange: () => void): ChangeNotifier {
  const channel = `${redis.namespace}${CHANNEL}`
  redis.subscribe(channel, onChange)
  redis.onConnected(onChange)
  return {
    get reaches() {
      return redis.available
    },
    announce: () => void redis.publish(channel, '').catch(() => undefined),
    // The connection belongs to whoever opened it.
    close: async () => undefined,
  }
}

function byDatabase(database: Database, onChange: () => void): ChangeNotifier {
  const listening = database.listen?.(CHANNEL, onChange)
  if (listening === undefined) {
    return { reaches: false, announce: () => undefined, close: async () => undefined }
  }
  return {
    reaches: true,
    announce: () => void notify(database).catch(() => undefined),
    close: () => listening.close(),
  }
}

async function notify(database: Database): Promise<void> {
  await sql`select pg_notify(${CHANNEL}, '')`.execute(database.sql)
}
