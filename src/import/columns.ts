/** Columns that several tables of the source share, as they are written here. */
import { asObject, type SourceRow } from './source-row.ts'
import { durationColumn } from './windows.ts'
import type { ImportContext } from './import-context.ts'

export const LIMIT_COLUMNS = [
  'max_budget',
  'soft_budget',
  'budget_duration',
  'tpm_limit',
  'rpm_limit',
  'max_parallel_requests',
] as const

export const AUDIT_COLUMNS = ['created_at', 'created_by', 'updated_at', 'updated_by'] as const

export function limitColumns(row: SourceRow) {
  return {
    max_budget: row.budget('max_budget'),
    soft_budget: row.budget('soft_budget'),
    budget_duration: durationColumn(row),
    tpm_limit: row.limit('tpm_limit'),
    rpm_limit: row.limit('rpm_limit'),
    max_parallel_requests: row.limit('max_parallel_requests'),
  }
}

/** Who made and changed a row, and when; where nobody knows, now. */
export function auditColumns(row: SourceRow, { nowMs }: ImportContext) {
  const createdAt = row.moment('created_at') ?? new Date(nowMs).toISOString()
  return {
    created_at: createdAt,
    created_by: row.name('created_by'),
    updated_at: row.moment('updated_at') ?? createdAt,
    updated_by: row.name('updated_by'),
  }
}

/** Members that nothing here reads: they are kept, and given back. */
export function openDetails(
  row: SourceRow,
  columns: readonly string[],
  context: ImportContext,
): Record<string, unknown> {
  const permission = row.name('object_permission_id')
  const object = permission === null ? undefined : context.objectPermissions.get(permission)
  const details = row.members(columns)
  if (object === undefined) return details
  return { ...details, object_permission_id: permission, object_permission: asObject(object) }
}

/** Limits of the source that nothing here enforces: who relies on one must know. */
export function noteUnenforced(row: SourceRow, columns: Readonly<Record<string, string>>): void {
  for (const [column, what] of Object.entries(columns)) {
    if (Object.keys(row.members([column])).length > 0) row.notes.push(`${what}: kept, not enforced yet`)
  }
}

/** LiteLLM keeps what was spent in further windows outside of its database. */
export function noteWindows(row: SourceRow): void {
  if (Object.keys(row.members(['budget_limits'])).length > 0)
    row.notes.push('budget_limits: its windows begin at zero')
}
