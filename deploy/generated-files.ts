/** The files of this folder that are made from their typed sources, and what has to stand in them. */
import { ALERT_GROUPS } from './alerts/src/index.ts'
import { prometheusRule, prometheusRules, vmRule } from './alerts/src/alert.ts'
import { dashboardJson } from './grafana/src/dashboard.ts'
import { DASHBOARDS } from './grafana/src/index.ts'

/** @returns text by path, below the folder `deploy`. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ...DASHBOARDS.map(
      (dashboard) => [`grafana/dashboards/${dashboard.uid}.json`, dashboardJson(dashboard)] as const,
    ),
    ['alerts/prometheus-rules.yaml', prometheusRules(ALERT_GROUPS)],
    ['alerts/prometheus-rule.yaml', prometheusRule(ALERT_GROUPS)],
    ['alerts/vm-rule.yaml', vmRule(ALERT_GROUPS)],
  ])
}
