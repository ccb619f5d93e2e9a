/** Checks that the settings of metrics name metrics and labels that there are. */
import { metadataLabelName, tagLabelName } from '../telemetry/metrics/custom-labels.ts'
import {
  declaredName,
  EVERY_LABEL,
  OTHER_LITELLM_METRICS,
  selectableLabels,
} from '../telemetry/metrics/metric-names.ts'
import { nodeAt, type KeyPath } from './located.ts'
import { nearestName } from './nearest-name.ts'
import type { LitellmSettings } from './schema/litellm-settings.ts'
import { metricGroupSchema } from './schema/prometheus-settings.ts'
import type { SectionReader } from './section-reader.ts'
import { shapeOf } from './setting.ts'

const SECTION = 'litellm_settings'

/** Metrics that are always shown, unless they are excluded. */
const UNSELECTABLE =
  /^((sluice|process|nodejs)_|litellm_(redis|postgres|auth|self|proxy_pre_call|batch_write_to_db|reset_budget_job|in_memory|in_flight|pod_lock|callback|spend_log|managed|check_batch)_)\w+$/

/** A metric that is chosen by a name that does not exist would be missed only when it is needed: that is an error. */
export function checkMetrics(reader: SectionReader, litellm: LitellmSettings): void {
  const custom = customLabels(litellm)
  const labels = selectableLabels({
    emitStreamLabel: litellm.prometheus_emit_stream_label,
    callerIdentity: litellm.prometheus_deployment_and_latency_caller_identity,
    userNames: litellm.prometheus_user_budget_label_include_email_alias,
    customLabels: custom,
  })
  for (const [index, group] of (litellm.prometheus_metrics_config ?? []).entries()) {
    const path = [SECTION, 'prometheus_metrics_config', index]
    const node = nodeAt(reader.root, path)
    if (node?.kind === 'map')
      reader.warnOfKeys(path, node, { shape: shapeOf(metricGroupSchema), notInForce: [] })
    group.metrics.forEach((name, at) => checkMetric(reader, [...path, 'metrics', at], name, labels))
    const offered = labelsOf(group.metrics, labels)
    if (offered.size === 0) continue
    for (const [at, label] of (group.include_labels ?? []).entries())
      checkLabel(reader, [...path, 'include_labels', at], label, offered, 'a label of these metrics')
  }
  for (const [at, name] of litellm.prometheus_exclude_metrics.entries())
    if (!UNSELECTABLE.test(name))
      checkMetric(reader, [SECTION, 'prometheus_exclude_metrics', at], name, labels)
  const known = new Set([...[...labels.values()].flat(), ...EVERY_LABEL])
  for (const [at, label] of litellm.prometheus_exclude_labels.entries())
    checkLabel(reader, [SECTION, 'prometheus_exclude_labels', at], label, known, 'a label')
  checkBuckets(reader, litellm.prometheus_latency_buckets)
}

function customLabels(litellm: LitellmSettings): readonly string[] {
  return [
    ...litellm.custom_prometheus_metadata_labels.map(metadataLabelName),
    ...litellm.custom_prometheus_tags.map(tagLabelName),
  ]
}

/** The labels that at least one of the metrics has. */
function labelsOf(
  metrics: readonly string[],
  labels: ReadonlyMap<string, readonly string[]>,
): ReadonlySet<string> {
  return new Set(metrics.flatMap((name) => labels.get(declaredName(name)) ?? []))
}

function checkMetric(
  reader: SectionReader,
  path: KeyPath,
  name: string,
  labels: ReadonlyMap<string, readonly string[]>,
): void {
  const declared = declaredName(name)
  if (labels.has(declared)) return
  if (OTHER_LITELLM_METRICS.has(declared) || UNSELECTABLE.test(name)) {
    reader.report(
      'warning',
      'not_in_force',
      path,
      `the metric ${reader.quote(path, name)} is none that can be chosen`,
      {},
    )
    return
  }
  reportUnknown(reader, path, name, 'the name of a metric', new Set(labels.keys()))
}

function checkLabel(
  reader: SectionReader,
  path: KeyPath,
  label: string,
  known: ReadonlySet<string>,
  expected: string,
): void {
  if (!known.has(label)) reportUnknown(reader, path, label, expected, known)
}

function reportUnknown(
  reader: SectionReader,
  path: KeyPath,
  name: string,
  expected: string,
  known: ReadonlySet<string>,
): void {
  const found = reader.quote(path, name)
  const nearest = nearestName(name, known)
  reader.report('error', 'wrong_type', path, `expected ${expected}, found ${found}`, {
    expected,
    found,
    hint: nearest === undefined ? 'docs/observability.md lists them' : `did you mean "${nearest}"?`,
  })
}

function checkBuckets(reader: SectionReader, bounds: readonly number[] | undefined): void {
  if (bounds === undefined) return
  const wrong = bounds.findIndex((bound, index) => index > 0 && bound <= (bounds[index - 1] ?? 0))
  if (wrong < 0) return
  const path = [SECTION, 'prometheus_latency_buckets', wrong]
  reader.report('error', 'wrong_type', path, 'expected a number above the one before it', {
    expected: 'numbers in ascending order',
    found: String(bounds[wrong]),
  })
}
