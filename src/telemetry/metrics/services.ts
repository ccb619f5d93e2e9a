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

export type ServiceName = 'redis' | 'postgres'

/** In seconds. LiteLLM has a label here whose name and value are the name of the service. */
export const SERVICE_HISTOGRAMS = {
  redis: {
    name: 'litellm_redis_latency',
    help: 'Seconds that Redis took to answer a command; with prometheus_system',
    labels: ['redis'],
  },
  postgres: {
    name: 'litellm_postgres_latency',
    help: 'Seconds that PostgreSQL took for a statement; with prometheus_system',
    labels: ['postgres'],
  },
} as const satisfies Record<ServiceName, MetricDefinition>

export const SERVICE_TOTALS = {
  redis: {
    name: 'litellm_redis_total_requests_total',
    help: 'Commands for Redis, those that failed included; with prometheus_system',
    labels: ['redis'],
  },
  postgres: {
    name: 'litellm_postgres_total_requests_total',
    help: 'Statements for PostgreSQL, those that failed included; with prometheus_system',
    labels: ['postgres'],
  },
} as const satisfies Record<ServiceName, MetricDefinition>

export const SERVICE_FAILURES = {
  redis: {
    name: 'litellm_redis_failed_requests_total',
    help: 'Commands for Redis that failed, those refused at once included; with prometheus_system',
    labels: ['redis', 'error_class', 'function_name'],
  },
  postgres: {
    name: 'litellm_postgres_failed_requests_total',
    help: 'Statements for PostgreSQL that failed; with prometheus_system',
    labels: ['postgres', 'error_class', 'function_name'],
  },
} as const satisfies Record<ServiceName, MetricDefinition>

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
