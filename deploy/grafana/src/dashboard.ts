/** A dashboard as Grafana imports it, from its rows of panels. */
import { letter, type Panel, type Row } from './panel.ts'

/** A choice at the top of a dashboard: the values of a label. */
export interface Variable {
  readonly name: string
  readonly label: string
  /** The metric that has the label, narrowed by the variables before this one. */
  readonly series: string
  readonly values: string
}

export interface Dashboard {
  /** Name of the file, and the dashboard's address. */
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly variables: readonly Variable[]
  readonly rows: readonly Row[]
}

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const

export const TAG = 'sluice'

/** Which pods: of one gateway where several are scraped, and one pod of it. */
export const POD_VARIABLES: readonly Variable[] = [
  { name: 'job', label: 'Job', series: 'sluice_build_info', values: 'job' },
  { name: 'instance', label: 'Instance', series: 'sluice_build_info{job=~"$job"}', values: 'instance' },
]

const CALLS = 'litellm_proxy_total_requests_metric_total{job=~"$job"}'

export const MODEL: Variable = { name: 'model', label: 'Model', series: CALLS, values: 'requested_model' }
export const TEAM: Variable = { name: 'team', label: 'Team', series: CALLS, values: 'team_alias' }
export const KEY: Variable = {
  name: 'key',
  label: 'Key',
  series: 'litellm_proxy_total_requests_metric_total{job=~"$job",team_alias=~"$team"}',
  values: 'api_key_alias',
}

/** @returns the JSON text of a dashboard file. */
export function dashboardJson(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboardModel(dashboard), undefined, 2)}\n`
}

function dashboardModel({ uid, title, description, variables, rows }: Dashboard): Record<string, unknown> {
  return {
    uid,
    title,
    description,
    tags: [TAG],
    editable: true,
    graphTooltip: 1,
    schemaVersion: 41,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    fiscalYearStartMonth: 0,
    annotations: { list: [] },
    links: [otherDashboards()],
    templating: { list: [datasourceVariable(), ...variables.map(queryVariable)] },
    panels: placed(rows),
  }
}

function otherDashboards(): Record<string, unknown> {
  const shown = { asDropdown: true, includeVars: true, keepTime: true, targetBlank: false }
  return {
    title: 'Sluice',
    type: 'dashboards',
    tags: [TAG],
    icon: 'dashboard',
    tooltip: '',
    url: '',
    ...shown,
  }
}

function datasourceVariable(): Record<string, unknown> {
  const shown = { label: 'Data source', hide: 0, multi: false, includeAll: false }
  return { name: 'datasource', type: 'datasource', query: 'prometheus', refresh: 1, ...shown }
}

function queryVariable({ name, label, series, values }: Variable): Record<string, unknown> {
  const query = `label_values(${series}, ${values})`
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { query, refId: 'StandardVariableQuery' },
    // Chosen again whenever the time changes, so that new models and pods appear.
    refresh: 2,
    sort: 1,
    hide: 0,
    multi: true,
    includeAll: true,
    // "All" takes in series without the label, which a list of all values would not.
    allValue: '.*',
    current: { text: ['All'], value: ['$__all'] },
  }
}

const COLUMNS = 24

/** Lays panels out from left to right, in lines as high as their highest panel. */
function placed(rows: readonly Row[]): Record<string, unknown>[] {
  const all: Record<string, unknown>[] = []
  let y = 0
  for (const { title, panels } of rows) {
    all.push(rowPanel(title, y, all.length + 1))
    y += 1
    let x = 0
    let lineHeight = 0
    for (const panel of panels) {
      if (x + panel.width > COLUMNS) {
        y += lineHeight
        x = 0
        lineHeight = 0
      }
      all.push(panelModel(panel, { x, y, w: panel.width, h: panel.height }, all.length + 1))
      x += panel.width
      lineHeight = Math.max(lineHeight, panel.height)
    }
    y += lineHeight
  }
  return all
}

interface GridPosition {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}

function rowPanel(title: string, y: number, id: number): Record<string, unknown> {
  return { id, type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: COLUMNS, h: 1 }, panels: [] }
}

function panelModel(panel: Panel, gridPos: GridPosition, id: number): Record<string, unknown> {
  return {
    id,
    type: panel.kind,
    title: panel.title,
    description: panel.description,
    datasource: DATASOURCE,
    gridPos,
    targets: panel.queries.map((query, index) => ({
      refId: letter(index),
      datasource: DATASOURCE,
      editorMode: 'code',
      expr: query.expression,
      legendFormat: query.heatmap === true ? '{{le}}' : (query.legend ?? '__auto'),
      instant: query.instant === true,
      range: query.instant !== true,
      format: panel.kind === 'table' ? 'table' : query.heatmap === true ? 'heatmap' : 'time_series',
    })),
    options: panel.options,
    fieldConfig: panel.fieldConfig,
    ...(panel.transformations === undefined ? {} : { transformations: panel.transformations }),
  }
}
