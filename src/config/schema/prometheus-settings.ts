/** The keys of `litellm_settings` that are about Prometheus metrics. */
import { choice, decimal, inForce, integer, listOf, mapWith, text, textList, toggle } from '../setting.ts'

const seconds = 'a number of seconds'

export const metricGroupSchema = mapWith({
  group: inForce(text().optional(), 'Name of the group, for those who read the file.'),
  metrics: inForce(
    textList(),
    'Metrics that are given, by the names of LiteLLM’s settings (counters without `_total`).',
  ),
  include_labels: inForce(textList().optional(), 'Labels that these metrics have; all when nothing says.'),
})

export const PROMETHEUS_SHAPE = {
  prometheus_initialize_budget_metrics: inForce(
    toggle().default(false),
    'Show budgets of keys, teams, users and organizations before their first call, and how many users and teams there are.',
  ),
  prometheus_emit_stream_label: inForce(toggle().default(false), 'The label `stream` on request metrics.'),
  prometheus_metrics_max_series_per_metric: inForce(
    integer('a whole number from 1', 1).optional(),
    'Most label combinations of a metric; further ones are counted together.',
  ),
  prometheus_metrics_ttl_seconds: inForce(
    decimal(seconds, 1).optional(),
    'Seconds after which a series that has not changed is dropped; never when nothing says.',
  ),
  prometheus_metrics_cleanup_interval_seconds: inForce(
    decimal(seconds, 1).default(60),
    'Seconds between two looks for such series.',
  ),
  prometheus_latency_buckets: inForce(
    listOf(decimal(seconds), 'a list of numbers of seconds').optional(),
    'Upper bounds of the latency histograms.',
  ),
  prometheus_metrics_config: inForce(
    listOf(metricGroupSchema, 'a list of groups').optional(),
    'Which of LiteLLM’s metrics are given, with which labels; all when nothing says. Each group has `metrics`, and may have `group` and `include_labels`.',
  ),
  prometheus_exclude_metrics: inForce(textList().default([]), 'Metrics that are not given.'),
  prometheus_exclude_labels: inForce(textList().default([]), 'Labels that no metric has.'),
  custom_prometheus_metadata_labels: inForce(
    listOf(
      text('"metadata." and the name of a member', (value) => /^metadata\..+$/.test(value)),
      'a list such as ["metadata.project"]',
    ).default([]),
    'Members of the metadata of requests, keys and teams that are labels: `metadata.foo` becomes `metadata_foo`.',
  ),
  custom_prometheus_tags: inForce(
    textList().default([]),
    'Tags that are labels: `tag_NAME` is `true` for a call with the tag, else `false`; `*` stands for any text.',
  ),
  prometheus_deployment_and_latency_caller_identity: inForce(
    choice(['api_key_alias', 'user_email', 'both']).default('api_key_alias'),
    'How metrics of deployments and latencies name the caller.',
  ),
  prometheus_user_budget_label_include_email_alias: inForce(
    toggle().default(false),
    'The labels `user_email` and `user_alias` on budgets of users.',
  ),
  enable_end_user_cost_tracking_prometheus_only: inForce(
    toggle().default(false),
    'Values for the label `end_user`, and budgets of end users.',
  ),
  prometheus_end_user_metrics_max_series_per_metric: inForce(
    integer('a whole number from 1', 1).default(10_000),
    'Most label combinations of a metric with the label `end_user`, where it has values.',
  ),
  prometheus_end_user_metrics_ttl_seconds: inForce(
    decimal(seconds, 1).default(3600),
    'As `prometheus_metrics_ttl_seconds`, for metrics with the label `end_user`, where it has values.',
  ),
  prometheus_end_user_metrics_cleanup_interval_seconds: inForce(
    decimal(seconds, 1).optional(),
    'As `prometheus_metrics_cleanup_interval_seconds`, which it replaces when it is shorter.',
  ),
}
