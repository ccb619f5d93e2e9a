/** Tables of the ledger: the call log, the roll-ups and the totals. */
export interface SpendTables {
  /** Settled spend per scope; written in the same transaction as the call log. */
  sluice_spend_total: { scope: string; scope_id: string; picodollars: bigint }
}
