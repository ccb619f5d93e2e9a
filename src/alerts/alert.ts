/** What operators are told. */

import type { AlertType } from '../config/alert-types.ts'

export interface Alert {
  readonly type: AlertType
  readonly level: 'low' | 'medium' | 'high'
  readonly atMs: number
  /** One line that says what happened, and to whom. */
  readonly title: string
  /** Names and values, shown a line each. */
  readonly facts: readonly (readonly [name: string, value: string])[]
  /** What the generic webhook is sent; absent for alerts that go to people only. */
  readonly event?: WebhookEvent
}

/** The body of the generic webhook. Amounts are US dollars. */
export interface WebhookEvent {
  readonly spend: number
  readonly max_budget: number | null
  readonly soft_budget: number | null
  /** Hash of the key. */
  readonly token: string | null
  readonly customer_id: string | null
  readonly user_id: string | null
  readonly team_id: string | null
  readonly team_alias: string | null
  readonly organization_id: string | null
  readonly user_email: string | null
  readonly key_alias: string | null
  readonly projected_exceeded_date: null
  readonly projected_spend: null
  readonly event: 'budget_crossed' | 'threshold_crossed' | 'soft_budget_crossed' | 'spend_tracked'
  readonly event_group: string
  /** The scope by name: for kinds that have no member of their own, such as tags and deployments. */
  readonly entity_type: string
  readonly entity_id: string
  readonly event_message: string
}
