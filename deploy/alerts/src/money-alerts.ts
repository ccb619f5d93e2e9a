/** Spend that is not counted, not paid for, or about to end. */
import type { AlertGroup } from './alert.ts'

const SPEND = 'litellm_spend_metric_total'
const TEAM = 'job, team, team_alias'
const KEY = 'job, hashed_api_key, api_key_alias'

const TEAM_LEFT = `min by (${TEAM}) (litellm_remaining_team_budget_metric)`
const TEAM_SPEND_AN_HOUR = `sum by (${TEAM}) (increase(${SPEND}[6h])) / 6`

const spendAnHour = `sum by (job, team_alias) (increase(${SPEND}[1h]))`

export const MONEY_ALERTS: AlertGroup = {
  name: 'money',
  alerts: [
    {
      name: 'SluiceCallsLost',
      severity: 'critical',
      for: '0m',
      expression:
        'sum by (job, instance) (increase(sluice_lost_calls_total[15m])) + sum by (job, instance) (increase(sluice_rejected_calls_total[15m])) > 0',
      summary: '{{ $labels.instance }} could not keep the record of calls',
      description: '{{ $value | humanize }} calls are missing from spend and call log.',
    },
    {
      name: 'SluiceLedgerBehind',
      severity: 'warning',
      for: '15m',
      expression: 'sum by (job, instance) (sluice_ledger_queue_records) > 20000',
      summary: 'Calls of {{ $labels.instance }} are not in the database yet',
      description:
        '{{ $value | humanize }} settled calls wait in the journal. Nothing is lost while the data directory is kept, but reports and budgets over pods are late.',
    },
    {
      name: 'SluiceBookingFailing',
      severity: 'warning',
      for: '10m',
      expression: 'sum by (job, instance) (rate(sluice_booking_failures_total[5m])) > 0',
      summary: '{{ $labels.instance }} cannot bring calls to the database',
      description: 'Every try of the last minutes failed or some did; each is tried again, and calls go on.',
    },
    {
      name: 'SluiceJournalFailing',
      severity: 'critical',
      for: '0m',
      expression:
        'sum by (job, instance) (increase(sluice_unjournaled_records_total[10m])) + sum by (job, instance) (increase(sluice_journal_write_failures_total[10m])) > 0',
      summary: '{{ $labels.instance }} cannot write its journal',
      description:
        'Calls stand in memory only: if this process dies before they are in the database, they are lost.',
    },
    {
      name: 'SluiceCallsWithoutPrice',
      severity: 'warning',
      for: '0m',
      expression:
        'sum by (job, requested_model, reason) (increase(litellm_zero_cost_requests_total[1h])) > 0',
      summary: 'Calls for {{ $labels.requested_model }} are booked at no cost',
      description:
        '{{ $value | humanize }} calls in the last hour had usage and no price ({{ $labels.reason }}).',
    },
    {
      name: 'SluiceSpendJump',
      severity: 'warning',
      for: '15m',
      expression: `${spendAnHour} > 3 * avg_over_time((${spendAnHour})[7d:1h]) and ${spendAnHour} > 5`,
      summary: 'Team {{ $labels.team_alias }} spends three times as much as usual',
      description:
        '{{ $value | humanize }} US dollars in the last hour, against the mean of the last seven days.',
    },
    {
      name: 'SluiceTeamBudgetLow',
      severity: 'warning',
      for: '10m',
      expression: `${TEAM_LEFT} / max by (${TEAM}) (litellm_team_max_budget_metric) < 0.1`,
      summary: 'Team {{ $labels.team_alias }} has less than a tenth of its budget left',
      description:
        '{{ $value | humanizePercentage }} of the budget are left. At nothing, its calls are refused.',
    },
    {
      name: 'SluiceKeyBudgetLow',
      severity: 'info',
      for: '10m',
      expression: `min by (${KEY}) (litellm_remaining_api_key_budget_metric) / max by (${KEY}) (litellm_api_key_max_budget_metric) < 0.1`,
      summary: 'Key {{ $labels.api_key_alias }} has less than a tenth of its budget left',
      description:
        '{{ $value | humanizePercentage }} of the budget are left. At nothing, its calls are refused.',
    },
    {
      name: 'SluiceTeamBudgetEndsEarly',
      severity: 'warning',
      for: '30m',
      expression: `${TEAM_LEFT} / (${TEAM_SPEND_AN_HOUR} > 0) < max by (${TEAM}) (litellm_team_budget_remaining_hours_metric)`,
      summary: 'The budget of team {{ $labels.team_alias }} ends before its window does',
      description: 'At the pace of the last six hours it is spent in {{ $value | humanize }} hours.',
    },
    {
      name: 'SluiceBudgetWindowsLate',
      severity: 'warning',
      for: '10m',
      expression: 'sum by (job, error_class) (rate(litellm_reset_budget_job_failed_requests_total[5m])) > 0',
      summary: 'Budget windows of {{ $labels.job }} cannot begin in the database',
      description:
        'Pods go by their clocks, and calls go on; reports show the window before until it can ({{ $labels.error_class }}).',
    },
    {
      name: 'SluiceBatchCostsLate',
      severity: 'warning',
      for: '15m',
      expression:
        'time() - max by (job) (litellm_check_batch_cost_last_run_timestamp) > 3 * 3600 and max by (job) (litellm_check_batch_cost_jobs_polled) > 0',
      summary: 'Nobody looks for batches of {{ $labels.job }} that have ended',
      description:
        'The last look was {{ $value | humanizeDuration }} ago, and there are batches whose cost is not known. Until it is, budgets do not see it.',
    },
    {
      name: 'SluiceBatchCostsFailing',
      severity: 'warning',
      for: '0m',
      expression: 'sum by (job, error_type) (increase(litellm_check_batch_cost_errors_total[3h])) > 2',
      summary: 'The cost of batches of {{ $labels.job }} cannot be known',
      description: '{{ $value | humanize }} failures within three hours: {{ $labels.error_type }}.',
    },
  ],
}
