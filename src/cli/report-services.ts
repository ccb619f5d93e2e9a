/** Shows in the metrics, with `prometheus_system`, how long the gateway's own parts take. */
import type { IncomingHttpHeaders } from 'node:http'
import type { CostPoller } from '../batches/cost-poller.ts'
import type { CallIdentity } from '../calls/gateway.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Identity } from '../identity/identity.ts'
import type { Principal } from '../identity/principal.ts'
import { isSuccess, type CallEnd, type CallStart } from '../record/call-record.ts'
import type { OpenLedger } from '../spend/open-ledger.ts'
import { queueMs, totalMs } from '../telemetry/call-timings.ts'
import type { SettledCallListener, Telemetry } from '../telemetry/index.ts'
import { SERVICE_LOCKS, SERVICE_QUEUES, ServiceMetrics } from '../telemetry/metrics/services.ts'
import type { ServiceObserver } from '../telemetry/service-observer.ts'

/** Counts each call as work of the gateway itself, and what went before its first attempt. */
export function reportCalls(telemetry: Telemetry): void {
  const { registry } = telemetry
  telemetry.onCallSettled(
    new CallServices(new ServiceMetrics(registry, 'self'), new ServiceMetrics(registry, 'proxy_pre_call')),
  )
}

class CallServices implements SettledCallListener {
  readonly #self: ServiceObserver
  readonly #preCall: ServiceObserver

  constructor(self: ServiceObserver, preCall: ServiceObserver) {
    this.#self = self
    this.#preCall = preCall
  }

  callSettled(start: CallStart, end: CallEnd): void {
    const errorClass = end.error?.errorClass ?? end.ending
    if (isSuccess(end.ending)) this.#self.succeeded(totalMs(start, end))
    else this.#self.failed(start.callType, errorClass)
    const beforeMs = queueMs(start, end)
    if (beforeMs !== undefined) this.#preCall.succeeded(beforeMs)
    else if (!isSuccess(end.ending)) this.#preCall.failed(start.callType, errorClass)
  }
}

/** The identity of the call path, with the time that it takes to know a caller measured. */
export function timedIdentity(identity: Identity, observer: ServiceObserver): CallIdentity {
  return {
    authenticate: (headers) => timedAuthentication(identity, headers, observer),
    authorizeRoute: (principal, method, path) => identity.authorizeRoute(principal, method, path),
    authorizeModel: (principal, requested, group, accessGroups) =>
      identity.authorizeModel(principal, requested, group, accessGroups),
    callScopes: (principal, endUser, tags, group) => identity.callScopes(principal, endUser, tags, group),
    recordSpend: (scopes, amount) => identity.recordSpend(scopes, amount),
  }
}

function timedAuthentication(
  identity: Identity,
  headers: IncomingHttpHeaders,
  observer: ServiceObserver,
): Principal | Promise<Principal> {
  const beganAtMs = performance.now()
  const known = (principal: Principal): Principal => {
    observer.succeeded(performance.now() - beganAtMs)
    return principal
  }
  const refused = (error: unknown): never => {
    observer.failed('authenticate', error instanceof GatewayError ? error.code : errorName(error))
    throw error
  }
  try {
    const principal = identity.authenticate(headers)
    return principal instanceof Promise ? principal.then(known, refused) : known(principal)
  } catch (error) {
    return refused(error)
  }
}

function errorName(error: unknown): string {
  return error instanceof Error ? error.name : 'Error'
}

/** Which process does what one does for all, under LiteLLM's name. */
export function reportLocks(
  { registry }: Pick<Telemetry, 'registry'>,
  poller: Pick<CostPoller, 'lease' | 'isLeader'>,
): void {
  registry
    .gauge(SERVICE_LOCKS.podLock)
    .series([poller.lease])
    .readFrom(() => (poller.isLeader ? 1 : 0))
}

/** What waits for the database, under LiteLLM's names. */
export function reportQueues({ registry }: Telemetry, ledger: Pick<OpenLedger, 'stats'>): void {
  for (const queue of Object.values(SERVICE_QUEUES)) {
    const [label] = queue.labels
    registry
      .gauge(queue)
      .series([label])
      .readFrom(() => ledger.stats.queuedCalls)
  }
}
