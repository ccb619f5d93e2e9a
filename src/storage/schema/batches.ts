/** Tables of files and batches that are kept at providers, and of leases on work that one process does for all. */
import type { ColumnType, Generated } from 'kysely'
import type { CallerFacts, DeploymentFacts } from '../../record/call-record.ts'

/** JSON that is written as text. */
type Json<Shape> = ColumnType<Shape, string, string>

export interface ManagedFileTable {
  /** What clients call it. */
  file_id: string
  /** Who may see it: `team:…`, `user:…` or `key:…`. */
  owner: string
  provider_file_id: string
  model_id: string
  deployment: Json<DeploymentFacts>
  purpose: string
  filename: string
  bytes: bigint
  created_at: Date
  expires_at: Date | null
}

/**
 * `pending`: what the batch cost is not known yet. `booked`: its cost is in the ledger. `none`: it cost nothing.
 * `stale`: given up, as it did not end within the time that batches have.
 */
export type CostState = 'pending' | 'booked' | 'none' | 'stale'

export interface ManagedBatchTable {
  /** What clients call it, and the id of the call that its cost is booked as. */
  batch_id: string
  owner: string
  caller: Json<CallerFacts>
  end_user: string | null
  tags: Json<readonly string[]>
  /** Null while its creation is under way, or when its outcome is not known. */
  provider_batch_id: string | null
  model_id: string
  deployment: Json<DeploymentFacts>
  endpoint: string
  status: string
  input_file_id: string
  output_file_id: string | null
  error_file_id: string | null
  /** The provider's last answer about it, with the ids that clients know. */
  batch_object: Json<Readonly<Record<string, unknown>>>
  created_at: Date
  completed_at: Date | null
  cost_state: CostState
  /** When its end was seen first: with its id the name of its booking. */
  settled_at: Date | null
  picodollars: bigint | null
  polled_at: Date | null
}

export interface LeaseTable {
  name: string
  holder: string
  expires_at: Date
  /** When the work was begun last. */
  begun_at: Generated<Date>
}

export interface BatchTables {
  sluice_managed_file: ManagedFileTable
  sluice_managed_batch: ManagedBatchTable
  sluice_lease: LeaseTable
}
