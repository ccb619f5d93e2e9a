/** Which labels the configuration gives a metric about calls. */
import { COUNTERS, type FamilyDefinition } from './families.ts'

export type CallerIdentity = 'api_key_alias' | 'user_email' | 'both'

/** What decides on the labels of the metrics about calls. */
export interface CallLabelSettings {
  /** Adds the label `stream` to the count of calls (`prometheus_emit_stream_label`). */
  readonly emitStreamLabel: boolean
  /** How metrics of deployments and latencies name the caller; `api_key_alias` when nothing says. */
  readonly callerIdentity?: CallerIdentity | undefined
}

/** The labels of a metric about calls, without those of the configuration's own. */
export function callLabelsOf(definition: FamilyDefinition, settings: CallLabelSettings): readonly string[] {
  const labels = definition.callerIdentity === true ? withIdentity(definition, settings) : definition.labels
  const counts = settings.emitStreamLabel && definition.name === COUNTERS.proxyTotal.name
  return counts ? [...labels, 'stream'] : labels
}

function withIdentity({ labels }: FamilyDefinition, settings: CallLabelSettings): readonly string[] {
  const identity = settings.callerIdentity ?? 'api_key_alias'
  if (identity === 'api_key_alias') return labels
  const names = identity === 'both' ? ['api_key_alias', 'user_email'] : ['user_email']
  return labels.flatMap((label) => (label === 'api_key_alias' ? names : [label]))
}
