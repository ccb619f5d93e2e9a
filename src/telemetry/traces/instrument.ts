/**
 * Instruments as the OpenTelemetry SDK has them, whose points are found once and kept: the SDK puts the attributes of
 * each measurement in order and makes a text of them, to find its point.
 */
import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api'
import { AggregationTemporality, DataPointType, type MetricData } from '@opentelemetry/sdk-metrics'

export interface InstrumentNames {
  readonly name: string
  readonly unit: string
  readonly description: string
}

/** Points of an instrument: what comes beyond goes to one that tells so. */
const MOST_POINTS = 2_000
const OVERFLOW: Attributes = { 'otel.metric.overflow': true }

abstract class Points<Point> {
  protected readonly descriptor: InstrumentNames & { readonly valueType: ValueType }
  readonly #points = new Map<string, { readonly attributes: Attributes; readonly point: Point }>()

  constructor({ name, unit, description }: InstrumentNames) {
    this.descriptor = { name, unit, description, valueType: ValueType.DOUBLE }
  }

  /** Finds the point of the attributes, or makes it. Attributes of one instrument must always be in one order. */
  point(attributes: Attributes): Point {
    const isOther = this.#points.size >= MOST_POINTS && !this.#points.has(JSON.stringify(attributes))
    const told = isOther ? OVERFLOW : attributes
    const key = JSON.stringify(told)
    let known = this.#points.get(key)
    if (known === undefined) {
      known = { attributes: told, point: this.newPoint() }
      this.#points.set(key, known)
    }
    return known.point
  }

  protected abstract newPoint(): Point

  protected dataPoints<Value>(startTime: HrTime, endTime: HrTime, valueOf: (point: Point) => Value) {
    return Array.from(this.#points.values(), ({ attributes, point }) => {
      return { startTime, endTime, attributes, value: valueOf(point) }
    })
  }
}

/** A point to which figures are added. */
export interface MetricPoint {
  /** A figure that is none, or below zero, is passed over. */
  add(figure: number): void
}

export interface Instrument {
  point(attributes: Attributes): MetricPoint
  /** All figures since the start. */
  data(startTime: HrTime, endTime: HrTime): MetricData
}

class Sum implements MetricPoint {
  value = 0

  add(figure: number): void {
    if (figure >= 0) this.value += figure
  }
}

export class Counter extends Points<Sum> implements Instrument {
  data(startTime: HrTime, endTime: HrTime): MetricData {
    return {
      descriptor: this.descriptor,
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.SUM,
      isMonotonic: true,
      dataPoints: this.dataPoints(startTime, endTime, ({ value }) => value),
    }
  }

  protected override newPoint(): Sum {
    return new Sum()
  }
}

class Distribution implements MetricPoint {
  readonly #boundaries: readonly number[]
  readonly counts: number[]
  count = 0
  sum = 0
  min = Infinity
  max = -Infinity

  constructor(boundaries: readonly number[]) {
    this.#boundaries = boundaries
    this.counts = Array.from({ length: boundaries.length + 1 }, () => 0)
  }

  add(figure: number): void {
    if (!(figure >= 0)) return
    const boundaries = this.#boundaries
    let bucket = 0
    while (bucket < boundaries.length && figure > (boundaries[bucket] ?? Infinity)) bucket += 1
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
    this.count += 1
    this.sum += figure
    if (figure < this.min) this.min = figure
    if (figure > this.max) this.max = figure
  }
}

export class Histogram extends Points<Distribution> implements Instrument {
  readonly #boundaries: readonly number[]

  /** @param boundaries the upper ends of all buckets but the last, which has none. */
  constructor(names: InstrumentNames, boundaries: readonly number[]) {
    super(names)
    this.#boundaries = boundaries
  }

  data(startTime: HrTime, endTime: HrTime): MetricData {
    return {
      descriptor: this.descriptor,
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: this.dataPoints(startTime, endTime, ({ count, sum, min, max, counts }) => ({
        buckets: { boundaries: [...this.#boundaries], counts: [...counts] },
        count,
        sum,
        min,
        max,
      })),
    }
  }

  protected override newPoint(): Distribution {
    return new Distribution(this.#boundaries)
  }
}
