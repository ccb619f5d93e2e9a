import { expect, test } from 'vitest'
import { readExposition, samplesOf, valueOf } from '../../test/telemetry/read-exposition.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Identity } from '../identity/identity.ts'
import type { Principal } from '../identity/principal.ts'
import { writeExposition } from '../telemetry/metrics/exposition.ts'
import { MetricsRegistry } from '../telemetry/metrics/registry.ts'
import { SERVICE_FAILURES, SERVICE_TOTALS, ServiceMetrics } from '../telemetry/metrics/services.ts'
import { reportLocks, timedIdentity } from './report-services.ts'

function pageOf(registry: MetricsRegistry) {
  return readExposition([...writeExposition(registry, 'prometheus')].join(''))
}

/** An identity that is asked for callers only. */
function identityOf(authenticate: () => Principal | Promise<Principal>): Identity {
  return { authenticate } as unknown as Identity
}

test('a caller who is refused is counted by the code of the refusal, known from memory or looked up', async () => {
  const registry = new MetricsRegistry()
  const observer = new ServiceMetrics(registry, 'auth')
  const refusal = new GatewayError('key_unknown', 'no such key')
  const fromMemory = timedIdentity(
    identityOf(() => {
      throw refusal
    }),
    observer,
  )
  const lookedUp = timedIdentity(
    identityOf(() => Promise.reject(refusal)),
    observer,
  )
  const broken = timedIdentity(
    identityOf(() => Promise.reject(new TypeError('broken'))),
    observer,
  )
  const known = timedIdentity(
    identityOf(() => Promise.resolve({} as Principal)),
    observer,
  )
  expect(() => fromMemory.authenticate({})).toThrow(refusal)
  await expect(lookedUp.authenticate({})).rejects.toBe(refusal)
  await expect(broken.authenticate({})).rejects.toThrow('broken')
  await known.authenticate({})
  const page = pageOf(registry)
  const failures = samplesOf(page, SERVICE_FAILURES.auth.name)
  expect(failures.map(({ labels, value }) => [labels['error_class'], value])).toEqual([
    ['key_unknown', 2],
    ['TypeError', 1],
  ])
  expect(valueOf(page, SERVICE_TOTALS.auth.name)).toBe(4)
})

test('the process that does the work of all is shown while it does', () => {
  const registry = new MetricsRegistry()
  const poller = { lease: 'batch-cost', isLeader: false }
  reportLocks({ registry }, poller)
  const held = (): number =>
    valueOf(pageOf(registry), 'litellm_pod_lock_manager_size', { pod_lock_manager: 'batch-cost' })
  expect(held()).toBe(0)
  poller.isLeader = true
  expect(held()).toBe(1)
})
