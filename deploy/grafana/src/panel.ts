/** The kinds of panels that the dashboards are made of, as data that Grafana reads. */

/** Grafana's names of units. */
export type Unit =
  | 'short'
  | 'reqps'
  | 'cps'
  | 'percentunit'
  | 's'
  | 'h'
  | 'bytes'
  | 'currencyUSD'
  | 'dtdurations'
  | 'dateTimeAsIso'

export interface Query {
  readonly expression: string
  /** Names a series by its labels: `{{model}}`. */
  readonly legend?: string
  /** One value for the end of the time shown, where others are graphs. */
  readonly instant?: boolean
  readonly heatmap?: boolean
}

export interface PanelOptions {
  readonly title: string
  /** What it shows and how to read it. */
  readonly description: string
  readonly unit: Unit
  readonly queries: readonly Query[]
  /** Columns of 24. */
  readonly width?: number
  readonly height?: number
}

export interface Panel extends PanelOptions {
  readonly kind: 'stat' | 'timeseries' | 'bargauge' | 'table' | 'heatmap' | 'state-timeline'
  readonly width: number
  readonly height: number
  /** Options of the kind. */
  readonly options: Readonly<Record<string, unknown>>
  readonly fieldConfig: Readonly<Record<string, unknown>>
  readonly transformations?: readonly {
    readonly id: string
    readonly options: Readonly<Record<string, unknown>>
  }[]
}

/** Values from which a number is shown in yellow and in red. */
export interface Limits {
  readonly yellow: number
  readonly red: number
}

/** A heading below which panels stand. */
export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

const REDUCE_LAST = { calcs: ['lastNotNull'], fields: '', values: false }

/** One number, with its course behind it. */
export function stat(options: PanelOptions, limits?: Limits): Panel {
  return {
    width: 4,
    height: 4,
    ...options,
    kind: 'stat',
    options: {
      reduceOptions: REDUCE_LAST,
      orientation: 'auto',
      textMode: 'auto',
      colorMode: limits === undefined ? 'none' : 'value',
      graphMode: 'area',
      justifyMode: 'auto',
      wideLayout: true,
      showPercentChange: false,
      percentChangeColorMode: 'standard',
    },
    fieldConfig: {
      defaults: {
        unit: options.unit,
        noValue: '0',
        color: { mode: 'thresholds' },
        thresholds: steps(limits),
      },
      overrides: [],
    },
  }
}

/** Lines over time. */
export function graph(options: PanelOptions, stacked = false): Panel {
  return {
    width: 8,
    height: 8,
    ...options,
    kind: 'timeseries',
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    fieldConfig: {
      defaults: {
        unit: options.unit,
        min: 0,
        noValue: '0',
        color: { mode: 'palette-classic' },
        custom: {
          drawStyle: 'line',
          lineInterpolation: 'linear',
          lineWidth: 1,
          fillOpacity: stacked ? 30 : 10,
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
        },
      },
      overrides: [],
    },
  }
}

/** Kinds of a thing and how much each has, one on top of the other. */
export const stackedGraph = (options: PanelOptions): Panel => graph(options, true)

/** The largest of a kind, as bars. */
export function bars(options: PanelOptions): Panel {
  return {
    width: 8,
    height: 8,
    ...options,
    kind: 'bargauge',
    queries: options.queries.map((query) => ({ ...query, instant: true })),
    options: {
      reduceOptions: REDUCE_LAST,
      orientation: 'horizontal',
      displayMode: 'gradient',
      valueMode: 'color',
      namePlacement: 'auto',
      showUnfilled: true,
      sizing: 'auto',
      minVizHeight: 10,
      minVizWidth: 0,
      maxVizHeight: 300,
      legend: { displayMode: 'list', placement: 'bottom', showLegend: false, calcs: [] },
    },
    fieldConfig: {
      defaults: { unit: options.unit, min: 0, noValue: '0', color: { mode: 'continuous-BlPu' } },
      overrides: [],
    },
  }
}

/** A column of a table: what stands over it, and its query. */
export interface Column {
  readonly title: string
  readonly expression: string
  readonly unit: Unit
}

/** A row for each set of labels, a column for each query. */
export function table(
  options: Omit<PanelOptions, 'queries' | 'unit'>,
  labels: Readonly<Record<string, string>>,
  columns: readonly Column[],
): Panel {
  // Grafana calls the values of a merged table by the letter of their query.
  const valueNames = columns.map((_, index) => `Value #${letter(index)}`)
  const titles = columns.map((column, index) => [valueNames[index] ?? '', column.title] as const)
  return {
    width: 12,
    height: 9,
    ...options,
    unit: 'short',
    kind: 'table',
    queries: columns.map(({ expression }) => ({ expression, instant: true })),
    options: {
      frameIndex: 0,
      showHeader: true,
      cellHeight: 'sm',
      sortBy: [{ displayName: columns[0]?.title ?? '', desc: true }],
    },
    fieldConfig: {
      defaults: { noValue: '0', custom: { align: 'auto', filterable: true } },
      overrides: columns.map((column) => ({
        matcher: { id: 'byName', options: column.title },
        properties: [{ id: 'unit', value: column.unit }],
      })),
    },
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          renameByName: { ...labels, ...Object.fromEntries(titles) },
          indexByName: Object.fromEntries(
            [...Object.keys(labels), ...valueNames].map((name, index) => [name, index]),
          ),
        },
      },
    ],
  }
}

/** How many calls took how long, over time. */
export function heatmap(options: PanelOptions): Panel {
  return {
    width: 24,
    height: 9,
    ...options,
    kind: 'heatmap',
    queries: options.queries.map((query) => ({ ...query, heatmap: true })),
    options: {
      calculate: false,
      cellGap: 1,
      color: {
        mode: 'scheme',
        scheme: 'Oranges',
        exponent: 0.5,
        steps: 64,
        reverse: false,
        fill: 'dark-orange',
      },
      filterValues: { le: 1e-9 },
      legend: { show: true },
      rowsFrame: { layout: 'auto' },
      tooltip: { mode: 'single', yHistogram: false, showColorScale: false },
      yAxis: { unit: options.unit, axisPlacement: 'left', reverse: false },
      exemplars: { color: 'rgba(255,0,255,0.7)' },
      showValue: 'never',
    },
    fieldConfig: { defaults: { noValue: '0' }, overrides: [] },
  }
}

/** What a number stands for: `{ 0: ['up', 'green'] }`. */
export type States = Readonly<Record<number, readonly [text: string, color: string]>>

/** States over time, a line a thing. */
export function stateTimeline(options: PanelOptions, states: States): Panel {
  const mapping = Object.entries(states).map(
    ([value, [text, color]], index) => [value, { text, color, index }] as const,
  )
  return {
    width: 24,
    height: 8,
    ...options,
    kind: 'state-timeline',
    options: {
      mergeValues: true,
      showValue: 'auto',
      alignValue: 'left',
      rowHeight: 0.9,
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'single', sort: 'none' },
    },
    fieldConfig: {
      defaults: {
        noValue: 'no call yet',
        color: { mode: 'thresholds' },
        custom: { fillOpacity: 70, lineWidth: 0 },
        mappings: [{ type: 'value', options: Object.fromEntries(mapping) }],
      },
      overrides: [],
    },
  }
}

/** Names of queries within a panel: A, B, … */
export function letter(index: number): string {
  return String.fromCodePoint('A'.charCodeAt(0) + index)
}

function steps(limits: Limits | undefined): Readonly<Record<string, unknown>> {
  const base = { color: limits === undefined ? 'text' : 'green', value: null }
  if (limits === undefined) return { mode: 'absolute', steps: [base] }
  const { yellow, red } = limits
  // Where red is below yellow, small numbers are the bad ones.
  if (red < yellow) {
    const rising = [
      { color: 'red', value: null },
      { color: 'yellow', value: red },
      { color: 'green', value: yellow },
    ]
    return { mode: 'absolute', steps: rising }
  }
  return { mode: 'absolute', steps: [base, { color: 'yellow', value: yellow }, { color: 'red', value: red }] }
}
