/**
 * The queries of panels, in the part of PromQL that Prometheus and VictoriaMetrics read alike. Counters are added up
 * over pods as rates; gauges that every pod gives for the same thing are taken once, by `max` or `min`.
 */

/** Label matchers by which a panel narrows its series: `team_alias=~"$team"`. */
export type Matchers = readonly string[]

/** Every panel shows the pods that the dashboard's variables choose. */
const PODS: Matchers = ['job=~"$job"', 'instance=~"$instance"']

/** Labels of calls that are refused, or whose deployment is not known, are `None` or empty. */
export const known = (label: string): string => `${label}!~"(None)?"`

/** `metric{job=~"$job",…}`. */
export function series(metric: string, matchers: Matchers = []): string {
  return `${metric}{${[...PODS, ...matchers].join(',')}}`
}

/** How fast a counter grows, in its unit a second. */
export function rate(metric: string, matchers: Matchers = []): string {
  return `rate(${series(metric, matchers)}[$__rate_interval])`
}

/** How much a counter grew in the time that the dashboard shows. */
export function growth(metric: string, matchers: Matchers = []): string {
  return `increase(${series(metric, matchers)}[$__range])`
}

type Aggregation = 'sum' | 'max' | 'min' | 'count'

/** `sum by (a, b) (…)`; over everything without labels. */
export function over(aggregation: Aggregation, labels: readonly string[], expression: string): string {
  const by = labels.length === 0 ? '' : ` by (${labels.join(', ')}) `
  return `${aggregation}${by}(${expression})`
}

export const sum = (labels: readonly string[], expression: string): string => over('sum', labels, expression)
export const max = (labels: readonly string[], expression: string): string => over('max', labels, expression)
export const min = (labels: readonly string[], expression: string): string => over('min', labels, expression)

/** The share of `part` in `whole`, 0 where nothing of `part` ever happened: its series do not exist then. */
export function share(labels: readonly string[], part: string, whole: string): string {
  const all = sum(labels, whole)
  return `(${sum(labels, part)} or 0 * ${all}) / (${all} > 0)`
}

/** Events a second, 0 before the first of their kind. */
export function orZero(expression: string): string {
  return `${expression} or vector(0)`
}

/** A quantile of a histogram, in its unit, for each set of labels. */
export function quantile(
  fraction: number,
  histogram: string,
  labels: readonly string[] = [],
  matchers: Matchers = [],
): string {
  const buckets = sum(['le', ...labels], rate(`${histogram}_bucket`, matchers))
  return `histogram_quantile(${fraction}, ${buckets})`
}

/** The mean of a histogram. */
export function mean(histogram: string, labels: readonly string[] = [], matchers: Matchers = []): string {
  const added = sum(labels, rate(`${histogram}_sum`, matchers))
  return `${added} / ${sum(labels, rate(`${histogram}_count`, matchers))}`
}
