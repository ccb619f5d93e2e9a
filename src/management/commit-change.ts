/** Changes of keys, users and teams: one transaction, and every process forgets what it knew before. */
import type { Transaction } from 'kysely'
import type { Schema } from '../storage/database.ts'
import { announceChanges, type PrincipalChange } from '../storage/queries/principals.ts'
import type { ManagementServices } from './services.ts'

export interface ChangeContext {
  readonly transaction: Transaction<Schema>
  /** Says that a key, user or team has changed. */
  readonly announce: (change: PrincipalChange) => void
}

/** Does the work in a transaction. When this resolves, this process acts on the change; others are woken, and do so within a second at most. */
export async function commitChange<Result>(
  services: Pick<ManagementServices, 'database' | 'identity'>,
  work: (context: ChangeContext) => Promise<Result>,
): Promise<Result> {
  const changes: PrincipalChange[] = []
  const result = await services.database.sql.transaction().execute(async (transaction) => {
    const done = await work({ transaction, announce: (change) => void changes.push(change) })
    await announceChanges(transaction, changes)
    return done
  })
  for (const change of changes) services.identity.changed(change)
  if (changes.length > 0) services.identity.tellOthers()
  return result
}
