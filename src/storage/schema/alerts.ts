/** The table of alerts that were sent. */
import type { ColumnType } from 'kysely'

/** A row is the right to send one alert: whoever inserts it sends. */
export interface AlertClaimTable {
  claim: string
  /** When the row may go: the alert cannot arise anew after that. */
  expires_at: Date
  claimed_at: ColumnType<Date, Date | undefined, never>
}

export interface AlertTables {
  sluice_alert_claim: AlertClaimTable
}
