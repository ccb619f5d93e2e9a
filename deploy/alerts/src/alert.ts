/** An alert rule, and the files that rules are written to. */
import { stringify } from 'yaml'

/** critical: calls or money are being lost, somebody has to look now. warning: today. info: when there is time. */
export type Severity = 'critical' | 'warning' | 'info'

export interface Alert {
  readonly name: string
  readonly severity: Severity
  /** How long the expression must hold: `5m`. */
  readonly for: string
  /** Read alike by Prometheus and VictoriaMetrics. Keeps `job`, for several gateways may be watched by one. */
  readonly expression: string
  /** One line; may hold `{{ $labels.job }}`. */
  readonly summary: string
  /** What it means for people; may hold `{{ $value }}`. */
  readonly description: string
}

export interface AlertGroup {
  readonly name: string
  readonly alerts: readonly Alert[]
}

const HEADER =
  '# Made by `node deploy/write.ts` from deploy/alerts/src. What to do at each alert: docs/runbooks.md\n'

/** The rules as Prometheus and vmalert read them from a file. */
export function prometheusRules(groups: readonly AlertGroup[]): string {
  return document({ groups: groups.map(ruleGroup) })
}

/** The rules as the operator of VictoriaMetrics reads them. */
export function vmRule(groups: readonly AlertGroup[]): string {
  return resource('operator.victoriametrics.com/v1beta1', 'VMRule', groups)
}

/** The rules as the operator of Prometheus reads them. */
export function prometheusRule(groups: readonly AlertGroup[]): string {
  return resource('monitoring.coreos.com/v1', 'PrometheusRule', groups)
}

function resource(apiVersion: string, kind: string, groups: readonly AlertGroup[]): string {
  const metadata = { name: 'sluice', labels: { 'app.kubernetes.io/name': 'sluice' } }
  return document({ apiVersion, kind, metadata, spec: { groups: groups.map(ruleGroup) } })
}

function document(value: unknown): string {
  return HEADER + stringify(value, { lineWidth: 0 })
}

function ruleGroup({ name, alerts }: AlertGroup): Record<string, unknown> {
  return { name: `sluice-${name}`, interval: '1m', rules: alerts.map(alertRule) }
}

/** A rule as all three write it. */
export function alertRule(alert: Alert): Record<string, unknown> {
  return {
    alert: alert.name,
    expr: alert.expression,
    for: alert.for,
    labels: { severity: alert.severity },
    annotations: {
      summary: alert.summary,
      description: alert.description,
      runbook: `docs/runbooks.md#${alert.name.toLowerCase()}`,
    },
  }
}
