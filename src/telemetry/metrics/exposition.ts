/**
 * Metrics as text: the Prometheus format 0.0.4, or OpenMetrics 1.0 where the scraper prefers it.
 * Sources: prometheus.io/docs/instrumenting/exposition_formats, the OpenMetrics specification 1.0.
 */
import type { Exemplar } from './histogram.ts'
import { PageBody } from './page-body.ts'

/** A metric as it is shown: a family that is counted with, or the sum of several processes' families. */
export type ShownFamily = ShownCounter | ShownGauge | ShownHistogram

interface Shown {
  readonly name: string
  readonly help: string
}

export interface ShownCounter extends Shown {
  readonly type: 'counter'
  readonly unit: number
  children(): Iterable<{ readonly labelText: string; readonly value: number }>
}

export interface ShownGauge extends Shown {
  readonly type: 'gauge'
  children(): Iterable<{ readonly labelText: string; readonly value: number }>
}

export interface ShownHistogram extends Shown {
  readonly type: 'histogram'
  readonly bounds: readonly number[]
  /** Of each series the counts of its buckets, infinity last, and then the sum. */
  children(): Iterable<ShownHistogramSeries>
}

export interface ShownHistogramSeries {
  readonly labelText: string
  readonly cells: Float64Array
  readonly exemplar?: Exemplar | undefined
}

/** Metrics that can be shown. */
export interface ShownMetrics {
  /** Brings what is read on demand up to date. */
  collect(): void
  /** As `collect`, with the event loop going on meanwhile. */
  collectInTurns(): Promise<void>
  /** In the order of their names. */
  families(): Iterable<ShownFamily>
}

export interface MetricsPage {
  readonly contentType: string
  readonly body: PageBody
}

export type ExpositionFormat = 'prometheus' | 'openmetrics'

export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** Text is handed over in pieces of about this many characters, so that writing a large page can pause between. */
const PIECE_LENGTH = 64 * 1024

/** The format for an `Accept` header: OpenMetrics only where it is named and not ranked below plain text. */
export function negotiateFormat(accept: string | undefined): ExpositionFormat {
  const openMetrics = quality(accept, 'application/openmetrics-text')
  return openMetrics > 0 && openMetrics >= quality(accept, 'text/plain') ? 'openmetrics' : 'prometheus'
}

function quality(accept: string | undefined, type: string): number {
  let best = 0
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [name, ...parameters] = range.split(';').map((part) => part.trim())
    if (name !== type) continue
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    const value = weight === undefined ? 1 : Number(weight.slice(2))
    if (value > best) best = value
  }
  return best
}

/** The whole page, in pieces. Metrics are ordered by name, series by the time of their first use. */
export function* writeExposition(metrics: ShownMetrics, format: ExpositionFormat): Generator<string> {
  metrics.collect()
  yield* writeCollected(metrics, format)
}

function* writeCollected(metrics: ShownMetrics, format: ExpositionFormat): Generator<string> {
  let piece = ''
  for (const family of metrics.families()) {
    piece += header(family, format)
    for (const lines of samples(family, format)) {
      piece += lines
      if (piece.length < PIECE_LENGTH) continue
      yield piece
      piece = ''
    }
  }
  yield format === 'openmetrics' ? `${piece}# EOF\n` : piece
}

/** The page in the format that the `Accept` header asks for, of the numbers of now; its body is written as it is read. */
export async function renderMetrics(metrics: ShownMetrics, accept: string | undefined): Promise<MetricsPage> {
  const format = negotiateFormat(accept)
  await metrics.collectInTurns()
  return { contentType: CONTENT_TYPES[format], body: new PageBody(writeCollected(metrics, format)) }
}

function header(family: ShownFamily, format: ExpositionFormat): string {
  const counter = family.type === 'counter' && format === 'openmetrics'
  const name = counter ? family.name.slice(0, -'_total'.length) : family.name
  return `# HELP ${name} ${escapeHelp(family.help, format)}\n# TYPE ${name} ${family.type}\n`
}

function escapeHelp(help: string, format: ExpositionFormat): string {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return format === 'openmetrics' ? escaped.replaceAll('"', '\\"') : escaped
}

function samples(family: ShownFamily, format: ExpositionFormat): Iterable<string> {
  switch (family.type) {
    case 'counter':
      return counterLines(family)
    case 'gauge':
      return gaugeLines(family)
    case 'histogram':
      return histogramLines(family, format)
  }
}

function* counterLines(family: ShownCounter): Generator<string> {
  for (const { labelText, value } of family.children()) {
    yield `${family.name}${labelText} ${formatNumber(value / family.unit)}\n`
  }
}

function* gaugeLines(family: ShownGauge): Generator<string> {
  for (const gauge of family.children())
    yield `${family.name}${gauge.labelText} ${formatNumber(gauge.value)}\n`
}

function* histogramLines(family: ShownHistogram, format: ExpositionFormat): Generator<string> {
  const endings = [...family.bounds.map(formatBound), '+Inf'].map((bound) => `le="${bound}"} `)
  for (const histogram of family.children()) {
    const open = histogram.labelText === '' ? '{' : `${histogram.labelText.slice(0, -1)},`
    const cells = histogram.cells
    const exemplar = format === 'openmetrics' ? histogram.exemplar : undefined
    const exemplarBucket = exemplar === undefined ? -1 : bucketOf(family.bounds, exemplar.value)
    let count = 0
    let lines = ''
    for (let bucket = 0; bucket < endings.length; bucket += 1) {
      count += cells[bucket] ?? 0
      const mark = bucket === exemplarBucket ? exemplarText(exemplar) : ''
      lines += `${family.name}_bucket${open}${endings[bucket] ?? ''}${count}${mark}\n`
    }
    const sum = formatNumber(cells[endings.length] ?? 0)
    yield `${lines}${family.name}_sum${histogram.labelText} ${sum}\n${family.name}_count${histogram.labelText} ${count}\n`
  }
}

function bucketOf(bounds: readonly number[], value: number): number {
  const bucket = bounds.findIndex((bound) => value <= bound)
  return bucket < 0 ? bounds.length : bucket
}

function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return ''
  const { traceId, value, atMs } = exemplar
  return ` # {trace_id="${traceId}"} ${formatNumber(value)} ${(atMs / 1000).toFixed(3)}`
}

/** Whole bounds are written `1.0`, as LiteLLM's Python client does, so that `le` selectors match both. */
function formatBound(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound)
}

function formatNumber(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}
