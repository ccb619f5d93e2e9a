/** Shows in the metrics what the parts of the process keep in memory, as each counts it itself. */
import type { ResponseCache } from '../cache/response-cache.ts'
import type { BodyRoom } from '../calls/body-room.ts'
import type { Identity } from '../identity/identity.ts'
import type { ConfigurableLimits } from '../limits/create-limits.ts'
import type { Connections } from '../server/connections.ts'
import type { OpenLedger } from '../spend/open-ledger.ts'
import type { CallExports } from '../telemetry/export/call-exports.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { OPERATION_GAUGES } from '../telemetry/metrics/operations.ts'

export interface MemoryParts {
  readonly ledger: Pick<OpenLedger, 'memory'>
  readonly identity: Pick<Identity, 'heldBytes'>
  readonly limits: Pick<ConfigurableLimits, 'heldBytes'>
  readonly cache: Pick<ResponseCache, 'stats'>
  readonly exports: Pick<CallExports, 'heldBytes'>
  readonly connections: Pick<Connections, 'waitingBytes'>
  readonly bodies: Pick<BodyRoom, 'held'>
}

/** Read at the scrape, of what is counted anyway: nothing is added to a call. */
export function reportMemory(
  { registry, log }: Telemetry,
  { ledger, identity, limits, cache, exports, connections, bodies }: MemoryParts,
): void {
  const components = {
    client_buffers: () => connections.waitingBytes,
    request_bodies: () => bodies.held,
    open_calls: () => ledger.memory.openCalls,
    journal: () => ledger.memory.journal,
    ledger_queue: () => ledger.memory.queue,
    kept_contents: () => ledger.memory.contents,
    credentials: () => identity.heldBytes,
    limits: () => limits.heldBytes,
    response_cache: () => cache.stats.bytes,
    metric_series: () => registry.heldBytes,
    log_lines: () => log.heldBytes,
    export_queue: () => exports.heldBytes,
  } as const satisfies Record<string, () => number>
  const family = registry.gauge(OPERATION_GAUGES.memoryBytes)
  for (const [component, read] of Object.entries(components)) family.series([component]).readFrom(read)
}
