/** The names of metrics and labels that settings may choose from. */
import { CALL_LABELS } from './call-labels.ts'
import { callLabelsOf, type CallLabelSettings } from './call-labels-of.ts'
import { COUNTERS, GAUGES, HISTOGRAMS, type FamilyDefinition } from './families.ts'
import type { MetricDefinition } from './operations.ts'
import { BUDGET_GAUGES, DEPLOYMENT_GAUGES, POPULATION_GAUGES, RATE_GAUGES } from './scope-metrics.ts'

const { inFlight: _, ...CALL_GAUGES } = GAUGES

/** Metrics about calls: they may have labels of the configuration's own. */
const OF_CALLS: readonly FamilyDefinition[] = [...Object.values(COUNTERS), ...Object.values(HISTOGRAMS)]

const OTHERS: readonly MetricDefinition[] = [
  ...Object.values(CALL_GAUGES),
  ...Object.values(BUDGET_GAUGES),
  ...Object.values(RATE_GAUGES),
  ...Object.values(DEPLOYMENT_GAUGES),
  ...Object.values(POPULATION_GAUGES),
]

/** Full sample names of what `prometheus_metrics_config` chooses from; all others are always shown. */
export const SELECTABLE_METRICS: ReadonlySet<string> = new Set(
  [...OF_CALLS, ...OTHERS].map(({ name }) => name).filter((name) => name.startsWith('litellm_')),
)

/** Further metrics of LiteLLM that a setting may name. What Sluice has of them is shown unless it is excluded. */
export const OTHER_LITELLM_METRICS: ReadonlySet<string> = new Set(
  `litellm_images_generated_metric litellm_video_duration_seconds_metric litellm_spend_capture_rate
  litellm_overhead_with_guardrails_latency_metric litellm_deployment_cooled_down
  litellm_deployment_successful_fallbacks litellm_deployment_failed_fallbacks litellm_guardrail_requests_total
  litellm_guardrail_errors_total litellm_guardrail_latency_seconds litellm_mcp_tool_calls_total
  litellm_mcp_tool_call_spend_metric litellm_admission_admitted_requests litellm_admission_queued_requests
  litellm_admission_rejected_requests litellm_managed_batch_created_total litellm_managed_file_created_total
  litellm_managed_file_deleted_total litellm_managed_file_size_bytes litellm_managed_batch_duration_seconds
  litellm_check_batch_cost_jobs_polled litellm_check_batch_cost_jobs_processed_total
  litellm_check_batch_cost_errors_total litellm_check_batch_cost_last_run_timestamp
  litellm_team_total_users litellm_team_active_users`
    .trim()
    .split(/\s+/)
    .map(declaredName),
)

/** Labels of other metrics, that a setting may exclude everywhere. */
export const EVERY_LABEL: readonly string[] = CALL_LABELS

/** LiteLLM's settings name counters without the `_total` that the page adds. */
export function declaredName(metric: string): string {
  return metric.endsWith('_total') ? metric.slice(0, -'_total'.length) : metric
}

export interface NamingSettings extends CallLabelSettings {
  /** Names of the configuration's own labels. */
  readonly customLabels: readonly string[]
  readonly userNames: boolean
}

/** Labels by metric, each by its declared name. */
export function selectableLabels(settings: NamingSettings): ReadonlyMap<string, readonly string[]> {
  const ofCalls = OF_CALLS.map(
    (definition) =>
      [
        declaredName(definition.name),
        [...callLabelsOf(definition, settings), ...settings.customLabels],
      ] as const,
  )
  const names = settings.userNames ? ['user_email', 'user_alias'] : []
  const others = OTHERS.map(({ name, labels = [] }) => {
    const more = /_user_(max_)?budget/.test(name) ? names : []
    return [declaredName(name), [...labels, ...more]] as const
  })
  return new Map([...ofCalls, ...others])
}
