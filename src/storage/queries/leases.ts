/** Leases: of all processes that would do some work at intervals, one does it. By the clock of the database alone. */
import { sql } from 'kysely'
import type { Database } from '../database.ts'

export interface LeaseRequest {
  readonly name: string
  /** Names the process. */
  readonly holder: string
  /** After so long the lease of a process that died is free. */
  readonly termMs: number
  /** Least time between two beginnings of the work, whoever did it. */
  readonly intervalMs: number
}

/** Of a lease that was given back. */
const NOBODY = ''

/**
 * Takes a lease: of work that was finished, an interval after its beginning; of work that its process did not live to
 * finish, as soon as its term is over.
 *
 * @returns false while there is nothing to do for this process.
 */
export async function takeLease(database: Database, request: LeaseRequest): Promise<boolean> {
  const { name, holder } = request
  const { rows } = await sql`
    insert into sluice_lease as held (name, holder, expires_at, begun_at)
    values (${name}, ${holder}, now() + ${milliseconds(request.termMs)}, now())
    on conflict (name) do update
      set holder = excluded.holder, expires_at = excluded.expires_at, begun_at = excluded.begun_at
      where held.expires_at <= now()
        and (held.holder <> ${NOBODY} or held.begun_at <= now() - ${milliseconds(request.intervalMs)})
    returning name`.execute(database.sql)
  return rows.length > 0
}

/** @returns false when it was lost: the work is another's now. */
export async function renewLease(database: Database, request: LeaseRequest): Promise<boolean> {
  const { rows } = await sql`
    update sluice_lease set expires_at = now() + ${milliseconds(request.termMs)}
    where name = ${request.name} and holder = ${request.holder} and expires_at > now()
    returning name`.execute(database.sql)
  return rows.length > 0
}

export async function releaseLease(database: Database, { name, holder }: LeaseRequest): Promise<void> {
  await sql`update sluice_lease set expires_at = now(), holder = ${NOBODY} where name = ${name} and holder = ${holder}`.execute(
    database.sql,
  )
}

function milliseconds(ms: number): ReturnType<typeof sql> {
  return sql`make_interval(secs => ${ms / 1000}::float8)`
}
