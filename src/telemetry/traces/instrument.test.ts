/** The figures of our instruments are those of the OpenTelemetry SDK's. */
import { MeterProvider, MetricReader, type MetricData } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Counter, Histogram, type Instrument } from './instrument.ts'

const NAMES = { name: 'metric', unit: '1', description: 'Of a test' }
const BOUNDARIES = [0.5, 1, 10, 100]

class AskedReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

const figures = fc.array(
  fc.record({
    model: fc.constantFrom('a', 'b', 'c'),
    figure: fc.oneof(
      fc.constantFrom(0, 0.5, 1, 10, 100, 100.5),
      fc.double({ min: 0, max: 1_000, noNaN: true }),
    ),
  }),
  { minLength: 1, maxLength: 30 },
)

test.each([
  ['a histogram', () => new Histogram(NAMES, BOUNDARIES)],
  ['a counter', () => new Counter(NAMES)],
] as const)('%s', async (kind, make) => {
  await fc.assert(
    fc.asyncProperty(figures, async (measured) => {
      const reader = new AskedReader()
      const meter = new MeterProvider({ readers: [reader] }).getMeter('tests')
      const { name, ...options } = NAMES
      const advice = { explicitBucketBoundaries: BOUNDARIES }
      const sdk = meter.createHistogram(name, { ...options, advice })
      const sdkCounter = meter.createCounter(name, options)
      const own: Instrument = make()
      for (const { model, figure } of measured) {
        own.point({ model }).add(figure)
        if (kind === 'a counter') sdkCounter.add(figure, { model })
        else sdk.record(figure, { model })
      }
      const { resourceMetrics } = await reader.collect()
      const [theirs] =
        resourceMetrics.scopeMetrics[0]?.metrics.filter(({ dataPoints }) => dataPoints.length > 0) ?? []
      expect(plain(own.data([0, 0], [0, 0]))).toEqual(plain(theirs!))
    }),
  )
})

test('attributes that are too many share one point, which tells so', () => {
  const counter = new Counter(NAMES)
  for (let index = 0; index < 3_000; index += 1) counter.point({ model: `model-${index}` }).add(1)
  counter.point({ model: 'model-7' }).add(1)
  const { dataPoints } = counter.data([0, 0], [0, 0])
  expect(dataPoints).toHaveLength(2_001)
  expect(dataPoints.at(-1)).toMatchObject({ attributes: { 'otel.metric.overflow': true }, value: 1_000 })
  expect(dataPoints[7]).toMatchObject({ attributes: { model: 'model-7' }, value: 2 })
})

function plain(data: MetricData): unknown {
  const points = data.dataPoints.map(({ attributes, value }) => ({ attributes, value }))
  const { name, unit, description, valueType } = data.descriptor
  return { ...data, descriptor: { name, unit, description, valueType }, dataPoints: points }
}
