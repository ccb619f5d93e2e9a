/** The numbers of a process as plain data, which another process can add to its own. */
import type { AcrossWorkers } from './family.ts'
import type { Exemplar } from './histogram.ts'
import type { AnyFamily, MetricsRegistry } from './registry.ts'

export interface FamilySnapshot {
  readonly type: AnyFamily['type']
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly maxSeries: number
  readonly acrossWorkers: AcrossWorkers
  /** Of a counter; else 1. */
  readonly unit: number
  /** Of a histogram; else empty. */
  readonly bounds: readonly number[]
  /** `{a="1"}` of each series. */
  readonly labelTexts: readonly string[]
  /** A number a series; of a histogram the counts of the buckets, infinity last, and then the sum. */
  readonly numbers: Float64Array
  /** Of a histogram with calls that were traced, by the place of the series. */
  readonly exemplars?: ReadonlyMap<number, Exemplar>
}

/** The numbers of now. */
export function takeSnapshot(registry: MetricsRegistry): readonly FamilySnapshot[] {
  registry.collect()
  return collectedSnapshot(registry)
}

/** As `takeSnapshot`, with the event loop going on while what takes long is read. */
export async function takeSnapshotInTurns(registry: MetricsRegistry): Promise<readonly FamilySnapshot[]> {
  await registry.collectInTurns()
  return collectedSnapshot(registry)
}

function collectedSnapshot(registry: MetricsRegistry): readonly FamilySnapshot[] {
  return registry.families().map((family) => {
    const exemplars = exemplarsOf(family)
    return exemplars.size === 0 ? snapshotOf(family) : { ...snapshotOf(family), exemplars }
  })
}

/** What has been counted, as it stands: nothing is read or begun anew for it, so that no scrape is the poorer. */
export function takeCounts(registry: MetricsRegistry): readonly FamilySnapshot[] {
  return registry
    .families()
    .filter(({ type }) => type !== 'gauge')
    .map(snapshotOf)
}

function exemplarsOf(family: AnyFamily): ReadonlyMap<number, Exemplar> {
  const exemplars = new Map<number, Exemplar>()
  if (family.type !== 'histogram') return exemplars
  for (const [index, { exemplar }] of [...family.children()].entries()) {
    if (exemplar === undefined) continue
    const { traceId, value, atMs } = exemplar
    exemplars.set(index, { traceId, value, atMs })
  }
  return exemplars
}

function snapshotOf(family: AnyFamily): FamilySnapshot {
  const { type, name, help, labels, maxSeries, acrossWorkers } = family
  const children = [...family.children()]
  const bounds = family.type === 'histogram' ? family.bounds : []
  const width = family.type === 'histogram' ? bounds.length + 2 : 1
  const numbers = new Float64Array(children.length * width)
  for (const [index, child] of children.entries()) {
    if ('cells' in child) numbers.set(child.cells, index * width)
    else numbers[index] = child.value
  }
  return {
    type,
    name,
    help,
    labels,
    maxSeries,
    acrossWorkers,
    bounds,
    numbers,
    unit: family.type === 'counter' ? family.unit : 1,
    labelTexts: children.map((child) => child.labelText),
  }
}
