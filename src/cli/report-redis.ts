/** Shows in the metrics how Redis is, and how long the stores take when the configuration asks for that. */
import type { Config } from '../config/config.ts'
import type { OpenRedis } from '../redis/open-redis.ts'
import type { Telemetry } from '../telemetry/index.ts'
import {
  REDIS_COUNTERS,
  REDIS_GAUGES,
  ServiceMetrics,
  type ServiceName,
} from '../telemetry/metrics/services.ts'
import type { ServiceObserver } from '../telemetry/service-observer.ts'

/** Whether the configuration asks for the time that services take. */
export function measuresServices({ litellm_settings }: Pick<Config, 'litellm_settings'>): boolean {
  return litellm_settings.service_callback.includes('prometheus_system')
}

/** Undefined where nobody asked: then nothing is measured. */
export function serviceObserver(
  config: Pick<Config, 'litellm_settings'>,
  telemetry: Telemetry,
  service: ServiceName,
): ServiceObserver | undefined {
  if (!measuresServices(config)) return undefined
  return new ServiceMetrics(telemetry.registry, service)
}

export function reportRedis({ registry }: Telemetry, redis: OpenRedis): void {
  const state = registry.gauge(REDIS_GAUGES.breakerState)
  state.series(['closed']).readFrom(() => (redis.available ? 1 : 0))
  state.series(['open']).readFrom(() => (redis.available ? 0 : 1))
  const transitions = registry.counter(REDIS_COUNTERS.breakerTransitions)
  const failures = registry.counter(REDIS_COUNTERS.breakerFailures)
  const reconnects = registry.counter({ ...REDIS_COUNTERS.reconnects, labels: [] })
  const refused = registry.counter({ ...REDIS_COUNTERS.refusedCommands, labels: [] })
  const counters = [
    { counter: transitions.series(['open']), read: () => redis.stats.lost },
    { counter: transitions.series(['closed']), read: () => redis.stats.found },
    { counter: failures.series(['timeout']), read: () => redis.stats.timeouts },
    { counter: failures.series(['connectivity']), read: () => redis.stats.connectionFailures },
    { counter: reconnects.series([]), read: () => redis.stats.reconnects },
    { counter: refused.series([]), read: () => redis.stats.refusedCommands },
  ]
  registry.beforeScrape(() => {
    for (const { counter, read } of counters) counter.add(read() - counter.value)
  })
}
