/** What the configuration says about metrics. */
import type { Config } from '../config/config.ts'
import type { TelemetrySettings } from '../telemetry/index.ts'
import { CustomLabels } from '../telemetry/metrics/custom-labels.ts'
import { MetricFilter } from '../telemetry/metrics/metric-filter.ts'
import type { ScopeGaugeSettings } from '../telemetry/metrics/scope-gauges.ts'

type LitellmSettings = Pick<Config, 'litellm_settings'>

/** @param isKnownModel whether a client's model name is one of the configured ones. */
export function metricsSettings(
  { litellm_settings: litellm }: LitellmSettings,
  isKnownModel: (model: string) => boolean,
): TelemetrySettings {
  return {
    emitStreamLabel: litellm.prometheus_emit_stream_label,
    endUserLabel: litellm.enable_end_user_cost_tracking_prometheus_only,
    callerIdentity: litellm.prometheus_deployment_and_latency_caller_identity,
    customLabels: new CustomLabels(litellm.custom_prometheus_metadata_labels, litellm.custom_prometheus_tags),
    latencyBuckets: litellm.prometheus_latency_buckets,
    maxSeriesPerMetric: litellm.prometheus_metrics_max_series_per_metric,
    maxEndUserSeries: litellm.prometheus_end_user_metrics_max_series_per_metric,
    seriesIdleMs: milliseconds(litellm.prometheus_metrics_ttl_seconds),
    endUserSeriesIdleMs: milliseconds(litellm.prometheus_end_user_metrics_ttl_seconds),
    idleCheckMs:
      Math.min(
        litellm.prometheus_metrics_cleanup_interval_seconds,
        litellm.prometheus_end_user_metrics_cleanup_interval_seconds ?? Infinity,
      ) * 1000,
    filter: metricFilter(litellm),
    isKnownModel,
  }
}

export function scopeGaugeSettings({ litellm_settings: litellm }: LitellmSettings): ScopeGaugeSettings {
  return {
    endUsers: litellm.enable_end_user_cost_tracking_prometheus_only,
    userNames: litellm.prometheus_user_budget_label_include_email_alias,
  }
}

function metricFilter(litellm: Config['litellm_settings']): MetricFilter {
  const groups = litellm.prometheus_metrics_config ?? []
  return new MetricFilter({
    // A list without groups chooses nothing, as with LiteLLM: every metric is given.
    groups:
      groups.length === 0
        ? undefined
        : groups.map(({ metrics, include_labels }) => ({ metrics, includeLabels: include_labels })),
    excludedMetrics: litellm.prometheus_exclude_metrics,
    excludedLabels: litellm.prometheus_exclude_labels,
  })
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000
}
