/** The expressions of the committed dashboards, as a server is asked them once Grafana has filled them in. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../../deploy/grafana/dashboards')

interface DashboardFile {
  readonly title: string
  readonly panels: readonly {
    readonly title: string
    readonly type: string
    readonly targets?: readonly { readonly expr: string }[]
  }[]
  readonly templating: { readonly list: readonly { readonly type: string; readonly definition?: string }[] }
}

export function readDashboards(): readonly DashboardFile[] {
  return readdirSync(FOLDER).map(
    (name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as DashboardFile,
  )
}

export interface PanelExpression {
  /** Dashboard and panel. */
  readonly where: string
  readonly expression: string
}

export function panelExpressions(): readonly PanelExpression[] {
  return readDashboards().flatMap(({ title, panels }) =>
    panels.flatMap((panel) =>
      (panel.targets ?? []).map(({ expr }) => ({ where: `${title}: ${panel.title}`, expression: expr })),
    ),
  )
}

export interface VariableQuery {
  readonly series: string
  readonly label: string
}

export function variableQueries(): readonly VariableQuery[] {
  const definitions = readDashboards().flatMap(({ templating }) =>
    templating.list.flatMap(({ definition }) => definition ?? []),
  )
  return [...new Set(definitions)].map((definition) => {
    const [, series = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? []
    return { series, label }
  })
}

/** Fills in what Grafana would: all values of each variable but the job, and these times. */
export function filledIn(expression: string, job: string): string {
  return expression
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', '5m')
    .replaceAll('$__interval', '15s')
    .replaceAll('$job', job)
    .replaceAll(/"\$(instance|model|team|key)"/g, '".*"')
}

const SELECTOR = /\b((?:litellm|sluice|process|nodejs|scrape)_\w+|up)\b(\{[^}]*\})?/g

/** The series that an expression reads: `metric{label="value"}`. */
export function selectorsOf(expression: string): readonly string[] {
  const withoutGroupings = expression.replaceAll(/\b(by|on) \([^)]*\)/g, '')
  return [...withoutGroupings.matchAll(SELECTOR)].map(([, metric = '', matchers = '']) => metric + matchers)
}

/** The name of the metric that a sample belongs to: `…_bucket`, `_sum` and `_count` are of a histogram. */
export function metricOf(selector: string): string {
  return selector.replace(/\{.*$/, '')
}
