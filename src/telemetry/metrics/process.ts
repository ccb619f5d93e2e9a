/** Metrics of the process itself: CPU, memory, file descriptors, event loop, version. Read at each scrape. */
import { readdirSync, readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'
import type { FamilyOptions } from './family.ts'
import type { MetricsRegistry } from './registry.ts'

export const PROCESS_COUNTERS = {
  cpu: { name: 'process_cpu_seconds_total', help: 'CPU seconds used, user and system', labels: [] },
} as const satisfies Record<string, FamilyOptions>

export const PROCESS_GAUGES = {
  buildInfo: {
    name: 'sluice_build_info',
    help: 'Always 1; the versions in use',
    labels: ['version', 'node_version'],
    acrossWorkers: 'max',
  },
  startTime: {
    name: 'process_start_time_seconds',
    help: 'Start of the process, in Unix seconds',
    labels: [],
    acrossWorkers: 'min',
  },
  residentMemory: { name: 'process_resident_memory_bytes', help: 'Resident memory', labels: [] },
  openFds: { name: 'process_open_fds', help: 'Open file descriptors', labels: [] },
  maxFds: {
    name: 'process_max_fds',
    help: 'Most file descriptors that may be open',
    labels: [],
    acrossWorkers: 'min',
  },
  heapTotal: {
    name: 'nodejs_heap_size_total_bytes',
    help: 'Heap of JavaScript objects, reserved',
    labels: [],
  },
  heapUsed: { name: 'nodejs_heap_size_used_bytes', help: 'Heap of JavaScript objects, in use', labels: [] },
  heapSpaceUsed: {
    name: 'nodejs_heap_space_size_used_bytes',
    help: 'The same by space: new for what is young, old, code, large_object and others',
    labels: ['space'],
  },
  externalMemory: {
    name: 'nodejs_external_memory_bytes',
    help: 'Memory of buffers outside of the heap',
    labels: [],
  },
  lagMean: {
    name: 'nodejs_eventloop_lag_mean_seconds',
    help: 'Mean delay of the event loop since the scrape before',
    labels: [],
    acrossWorkers: 'max',
  },
  lagP50: {
    name: 'nodejs_eventloop_lag_p50_seconds',
    help: 'Median delay of the event loop since the scrape before',
    labels: [],
    acrossWorkers: 'max',
  },
  lagP99: {
    name: 'nodejs_eventloop_lag_p99_seconds',
    help: '99th percentile of the delay of the event loop since the scrape before',
    labels: [],
    acrossWorkers: 'max',
  },
  lagMax: {
    name: 'nodejs_eventloop_lag_max_seconds',
    help: 'Longest delay of the event loop since the scrape before',
    labels: [],
    acrossWorkers: 'max',
  },
} as const satisfies Record<string, FamilyOptions>

/** How often the delay is sampled. Each sample holds this interval itself, which is taken off again. */
const LAG_RESOLUTION_MS = 10

/**
 * Registers the metrics of this process.
 * @returns a function that ends the measuring of the event loop.
 */
export function registerProcessMetrics(registry: MetricsRegistry, version: string): () => void {
  const gauge = (options: FamilyOptions) => registry.gauge(options).series([])
  registry.gauge(PROCESS_GAUGES.buildInfo).series([version, process.version]).set(1)
  gauge(PROCESS_GAUGES.startTime).set(performance.timeOrigin / 1000)
  gauge(PROCESS_GAUGES.residentMemory).readFrom(() => process.memoryUsage.rss())
  gauge(PROCESS_GAUGES.externalMemory).readFrom(() => process.memoryUsage().external)
  gauge(PROCESS_GAUGES.heapTotal).readFrom(() => getHeapStatistics().total_heap_size)
  gauge(PROCESS_GAUGES.heapUsed).readFrom(() => getHeapStatistics().used_heap_size)
  const heapSpaces = registry.gauge(PROCESS_GAUGES.heapSpaceUsed)
  registry.beforeScrape(() => {
    for (const { space_name: name, space_used_size: used } of getHeapSpaceStatistics())
      heapSpaces.series([name.replace(/_space$/, '')]).set(used)
  })
  if (process.platform === 'linux') {
    // The listing opens one descriptor of its own.
    gauge(PROCESS_GAUGES.openFds).readFrom(() => readdirSync('/proc/self/fd').length - 1)
    gauge(PROCESS_GAUGES.maxFds).set(maxFileDescriptors())
  }
  countCpu(registry)
  return measureLag(registry)
}

function countCpu(registry: MetricsRegistry): void {
  const counter = registry.counter({ ...PROCESS_COUNTERS.cpu, unit: 1e6 }).series([])
  registry.beforeScrape(() => {
    const { user, system } = process.cpuUsage()
    counter.add(user + system - counter.value)
  })
}

function measureLag(registry: MetricsRegistry): () => void {
  const histogram = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
  const mean = registry.gauge(PROCESS_GAUGES.lagMean).series([])
  const median = registry.gauge(PROCESS_GAUGES.lagP50).series([])
  const p99 = registry.gauge(PROCESS_GAUGES.lagP99).series([])
  const longest = registry.gauge(PROCESS_GAUGES.lagMax).series([])
  registry.beforeScrape(() => {
    if (histogram.count === 0) return
    mean.set(lagSeconds(histogram.mean))
    median.set(lagSeconds(histogram.percentile(50)))
    p99.set(lagSeconds(histogram.percentile(99)))
    longest.set(lagSeconds(histogram.max))
    histogram.reset()
  })
  histogram.enable()
  return () => {
    histogram.disable()
  }
}

function lagSeconds(sampleNanoseconds: number): number {
  return Math.max(0, sampleNanoseconds / 1e9 - LAG_RESOLUTION_MS / 1000)
}

function maxFileDescriptors(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return limit === undefined ? Infinity : Number(limit)
}
