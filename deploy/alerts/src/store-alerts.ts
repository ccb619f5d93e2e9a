/** Database, Redis, and the systems that are told of calls. */
import type { AlertGroup } from './alert.ts'

export const STORE_ALERTS: AlertGroup = {
  name: 'stores',
  alerts: [
    {
      name: 'SluiceDatabaseAway',
      severity: 'critical',
      for: '2m',
      expression: 'min by (job, instance) (sluice_database_reachable) == 0',
      summary: '{{ $labels.instance }} does not reach its database',
      description:
        'Keys that it knows go on working, and calls are kept in the journal; keys that it does not know are refused.',
    },
    {
      name: 'SluicePostgresSlow',
      severity: 'warning',
      for: '10m',
      expression:
        'histogram_quantile(0.95, sum by (le, job) (rate(litellm_postgres_latency_bucket[5m]))) > 1',
      summary: 'PostgreSQL answers {{ $labels.job }} slowly',
      description:
        'One statement of twenty takes {{ $value | humanizeDuration }} or more. Calls do not wait for it; key changes and reports do.',
    },
    {
      name: 'SluicePostgresFailing',
      severity: 'warning',
      for: '5m',
      expression:
        'sum by (job, error_class, function_name) (rate(litellm_postgres_failed_requests_total[5m])) > 0',
      summary: 'Statements of {{ $labels.job }} fail in PostgreSQL',
      description: '{{ $labels.function_name }} fails with {{ $labels.error_class }}.',
    },
    {
      name: 'SluiceRedisAway',
      severity: 'warning',
      for: '2m',
      expression: 'max by (job, instance) (litellm_redis_circuit_breaker_state{state="open"}) > 0',
      summary: '{{ $labels.instance }} is without Redis',
      description: 'Limits are kept by this pod alone, and it caches nothing. Calls go on.',
    },
    {
      name: 'SluiceRedisFailing',
      severity: 'warning',
      for: '5m',
      expression:
        'sum by (job) (rate(litellm_redis_failed_requests_total[5m])) / sum by (job) (rate(litellm_redis_total_requests_total[5m])) > 0.01',
      summary: 'Commands of {{ $labels.job }} fail in Redis',
      description: '{{ $value | humanizePercentage }} of the commands failed.',
    },
    {
      name: 'SluiceLimitsNotShared',
      severity: 'warning',
      for: '5m',
      expression: 'sum by (job, instance) (rate(sluice_limit_store_failures_total[5m])) > 0',
      summary: '{{ $labels.instance }} counts limits by itself',
      description:
        'The store that pods share limits in does not take its counts in time: together they may let more through than is allowed.',
    },
    {
      name: 'SluiceCallbackGivesUp',
      severity: 'warning',
      for: '0m',
      expression:
        'sum by (job, callback_name, reason) (increase(sluice_export_dropped_calls_total[15m])) > 0',
      summary: '{{ $labels.callback_name }} is not told of all calls',
      description: '{{ $value | humanize }} calls were given up: {{ $labels.reason }}.',
    },
    {
      name: 'SluiceAlertsGivenUp',
      severity: 'warning',
      for: '0m',
      expression: 'sum by (job, channel, reason) (increase(sluice_alerts_dropped_total[1h])) > 0',
      summary: 'Alerts do not reach {{ $labels.channel }}',
      description:
        '{{ $value | humanize }} alerts of the gateway itself were given up: {{ $labels.reason }}.',
    },
  ],
}
