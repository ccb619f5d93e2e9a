/**
 * Metrics about the stores behind the gateway. Latency and failures of requests to them are given with
 * `service_callback: [prometheus_system]`, under LiteLLM's names; how Redis' breaker stands is given wherever Redis is
 * in use.
 */
import type { ServiceObserver } from '../service-observer.ts'
import type { Counter } from './counter.ts'
import { LATENCY_BUCKETS } from './families.ts'
import type { Histogram } from './histogram.ts'
import type { MetricDefinition } from './operations.ts'
import type { MetricsRegistry } from './registry.ts'

/** Services of LiteLLM that a thing of Sluice stands behind. */
export const SERVICE_NAMES = [
  'redis',
  'postgres',
  'auth',
  'proxy_pre_call',
  'self',
  'batch_write_to_db',
  'reset_budget_job',
] as const
export type ServiceName = (typeof SERVICE_NAMES)[number]

interface ServiceWords {
  /** Of what the time is measured. */
  readonly latency: string
  /** What is counted. */
  readonly counted: string
}

const WORDS: Readonly<Record<ServiceName, ServiceWords>> = {
  redis: { latency: 'Seconds that Redis took to answer a command', counted: 'Commands for Redis' },
  postgres: {
    latency: 'Seconds that PostgreSQL took for a statement',
    counted: 'Statements for PostgreSQL',
  },
  auth: { latency: 'Seconds to find out who calls', counted: 'Calls whose caller was looked for' },
  proxy_pre_call: {
    latency: 'Seconds from the arrival of a call to its first attempt at a provider',
    counted: 'Calls until their first attempt; one that had none has failed',
  },
  self: { latency: 'Seconds from the arrival of a call to its end', counted: 'Calls' },
  batch_write_to_db: {
    latency: 'Seconds to write a batch of settled calls to the database',
    counted: 'Batches of settled calls for the database',
  },
  reset_budget_job: {
    latency: 'Seconds to begin the budget windows that are due',
    counted: 'Looks for budget windows that are due',
  },
}

const WHERE = 'with prometheus_system'

/** In seconds. LiteLLM has a label here whose name and value are the name of the service. */
export const SERVICE_HISTOGRAMS = definitions((service, { latency }) => ({
  name: `litellm_${service}_latency`,
  help: `${latency}; ${WHERE}`,
  labels: [service],
}))

export const SERVICE_TOTALS = definitions((service, { counted }) => ({
  name: `litellm_${service}_total_requests_total`,
  help: `${counted}, those that failed included; ${WHERE}`,
  labels: [service],
}))

export const SERVICE_FAILURES = definitions((service, { counted }) => ({
  name: `litellm_${service}_failed_requests_total`,
  help: `${counted}, that failed; ${WHERE}`,
  labels: [service, 'error_class', 'function_name'],
}))

type ServiceDefinition = MetricDefinition & { readonly labels: readonly string[] }

function definitions(
  define: (service: ServiceName, words: ServiceWords) => ServiceDefinition,
): Readonly<Record<ServiceName, ServiceDefinition>> {
  const entries = SERVICE_NAMES.map((service) => [service, define(service, WORDS[service])] as const)
  // Every name has an entry.
  return Object.fromEntries(entries) as Record<ServiceName, ServiceDefinition>
}

/** Sizes of what waits for the database. Sluice has one queue for both. */
export const SERVICE_QUEUES = {
  spend: {
    name: 'litellm_in_memory_spend_update_queue_size',
    help: `Settled calls whose spend is not yet in the database; ${WHERE}`,
    labels: ['in_memory_spend_update_queue'],
  },
  dailySpend: {
    name: 'litellm_in_memory_daily_spend_update_queue_size',
    help: `The same, as part of the daily figures; ${WHERE}`,
    labels: ['in_memory_daily_spend_update_queue'],
  },
} as const satisfies Record<string, MetricDefinition>

/** Work that one process does for all. */
export const SERVICE_LOCKS = {
  podLock: {
    name: 'litellm_pod_lock_manager_size',
    help: `1 while this process does the work of that name for all, else 0: batch-cost looks for batches that have ended; ${WHERE}`,
    labels: ['pod_lock_manager'],
    acrossWorkers: 'max',
  },
} as const satisfies Record<string, MetricDefinition>

export const REDIS_GAUGES = {
  breakerState: {
    name: 'litellm_redis_circuit_breaker_state',
    help: '1 for the state that holds: closed while Redis is used, open while it is not; where Redis is in use',
    labels: ['state'],
    acrossWorkers: 'max',
  },
} as const satisfies Record<string, MetricDefinition>

export const REDIS_COUNTERS = {
  breakerTransitions: {
    name: 'litellm_redis_circuit_breaker_transitions_total',
    help: 'How often Redis was lost (open), and found again (closed); where Redis is in use',
    labels: ['state'],
  },
  breakerFailures: {
    name: 'litellm_redis_circuit_breaker_failures_total',
    help: 'Commands that missed their deadline (timeout), or lost their connection (connectivity); where Redis is in use',
    labels: ['failure_class'],
  },
  reconnects: {
    name: 'sluice_redis_reconnects_total',
    help: 'Connections to Redis after the first; where Redis is in use',
  },
  refusedCommands: {
    name: 'sluice_redis_refused_commands_total',
    help: 'Commands that were refused at once because Redis was known to be away; where Redis is in use',
  },
} as const satisfies Record<string, MetricDefinition>

/** Counts the requests to one store. */
export class ServiceMetrics implements ServiceObserver {
  readonly #latency: Histogram
  readonly #total: Counter
  readonly #failed: (operation: string, errorClass: string) => void

  constructor(registry: MetricsRegistry, service: ServiceName) {
    this.#latency = registry.histogram(SERVICE_HISTOGRAMS[service], LATENCY_BUCKETS).series([service])
    this.#total = registry.counter(SERVICE_TOTALS[service]).series([service])
    const failures = registry.counter(SERVICE_FAILURES[service])
    this.#failed = (operation, errorClass) => failures.series([service, errorClass, operation]).add(1)
  }

  succeeded(durationMs: number): void {
    this.#total.add(1)
    this.#latency.observe(durationMs / 1000)
  }

  failed(operation: string, errorClass: string): void {
    this.#total.add(1)
    this.#failed(operation, errorClass)
  }
}
