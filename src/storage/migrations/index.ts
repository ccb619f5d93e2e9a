/** All steps of the schema, in the order in which they run. */
import { spend } from './0001-spend.ts'
import { principals } from './0002-principals.ts'
import { alerts } from './0003-alerts.ts'
import { scopeWindows } from './0004-scope-windows.ts'
import { responseCache } from './0005-response-cache.ts'
import { batches } from './0006-batches.ts'
import { imports } from './0007-imports.ts'
import { organizationMembers } from './0008-organization-members.ts'
import type { Migration } from './migration.ts'

export const MIGRATIONS: readonly Migration[] = [
  spend,
  principals,
  alerts,
  scopeWindows,
  responseCache,
  batches,
  imports,
  organizationMembers,
]
