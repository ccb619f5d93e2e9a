/** Processes and what they stand on. */
import type { AlertGroup } from './alert.ts'

export const PROCESS_ALERTS: AlertGroup = {
  name: 'processes',
  alerts: [
    {
      name: 'SluicePodDown',
      severity: 'critical',
      for: '2m',
      // Whatever the job is called: targets that were a gateway within the last hours.
      expression: 'up == 0 and on (job, instance) last_over_time(sluice_build_info[6h])',
      summary: '{{ $labels.instance }} cannot be scraped',
      description:
        'It was a gateway of {{ $labels.job }} and does not answer, or refuses the token of the scrape.',
    },
    {
      name: 'SluiceGone',
      severity: 'critical',
      for: '5m',
      expression: 'absent(sluice_build_info)',
      summary: 'There is no gateway',
      description:
        'No process is scraped that calls itself Sluice: all are down, or the scrape job is broken.',
    },
    {
      name: 'SluiceRestarting',
      severity: 'warning',
      for: '0m',
      expression:
        'sum by (job, instance) (changes(process_start_time_seconds[30m]) and on (job, instance) sluice_build_info) > 2',
      summary: '{{ $labels.instance }} starts again and again',
      description: '{{ $value | humanize }} starts in half an hour.',
    },
    {
      name: 'SluiceWorkersDie',
      severity: 'warning',
      for: '0m',
      expression: 'sum by (job, instance) (increase(sluice_worker_exits_total{cause="died"}[15m])) > 1',
      summary: 'Worker processes of {{ $labels.instance }} die',
      description: '{{ $value | humanize }} in a quarter of an hour; each took its calls along.',
    },
    {
      name: 'SluiceEventLoopBlocked',
      severity: 'warning',
      for: '5m',
      expression:
        'max by (job, instance) (nodejs_eventloop_lag_p99_seconds and on (job, instance) sluice_build_info) > 0.25',
      summary: '{{ $labels.instance }} is too busy',
      description:
        'Its event loop is late by {{ $value | humanizeDuration }}: every call on it waits as long, again and again.',
    },
    {
      name: 'SluiceFileDescriptorsLow',
      severity: 'warning',
      for: '5m',
      expression:
        'max by (job, instance) (process_open_fds) / min by (job, instance) (process_max_fds) > 0.9 and on (job, instance) sluice_build_info',
      summary: '{{ $labels.instance }} runs out of file descriptors',
      description: '{{ $value | humanizePercentage }} are open. At the end, new connections are refused.',
    },
    {
      name: 'SluiceConfigRefused',
      severity: 'warning',
      for: '0m',
      expression: 'sum by (job, instance) (increase(sluice_config_reloads_total{result="failure"}[1h])) > 0',
      summary: '{{ $labels.instance }} refused a changed configuration',
      description: 'The one before is in force. The log names file, line and key.',
    },
    {
      name: 'SluiceMetricsFolded',
      severity: 'info',
      for: '0m',
      expression: 'sum by (job, metric) (increase(sluice_metric_overflow_total[1h])) > 0',
      summary: '{{ $labels.metric }} has reached its bound of series',
      description:
        'New label sets are counted as `other`: sums are right, new clients or keys have no series of their own.',
    },
    {
      name: 'SluiceScrapeHeavy',
      severity: 'info',
      for: '15m',
      expression:
        '(scrape_samples_scraped > 100000 or scrape_duration_seconds > 5) and on (job, instance) sluice_build_info',
      summary: 'The metrics of {{ $labels.instance }} are heavy',
      description: 'More than 100,000 samples or five seconds a scrape ({{ $value | humanize }}).',
    },
    {
      name: 'SluiceLogLinesDropped',
      severity: 'warning',
      for: '0m',
      expression: 'sum by (job, instance) (increase(sluice_log_lines_dropped_total[15m])) > 0',
      summary: '{{ $labels.instance }} gives up log lines',
      description: 'Nobody reads its standard output fast enough: {{ $value | humanize }} lines.',
    },
  ],
}
