/** A call's place in the limits: taken at once where they are counted here, and at another deployment where one is full. */
import { expect, test } from 'vitest'
import { LimitError, type AdmissionRequest, type Reservation } from '../limits/limits.ts'
import type { Scope } from '../record/scope.ts'
import type { Deployment } from '../routing/deployment.ts'
import type { Gateway } from './gateway.ts'
import { DeploymentPool } from '../routing/deployment-pool.ts'
import { takePlace, type PlaceRequest } from './reserve.ts'

const HELD: Reservation = { headers: [], settle() {}, leaveDeployment() {} }

/** Of gateway and request only what is read here. */
function gatewayThat(admit: (request: AdmissionRequest) => Reservation | Promise<Reservation>): Gateway {
  return { limits: { admit } } as unknown as Gateway
}

function scope(kind: Scope['kind'], id: string): Scope {
  return { kind, id, requestsPerMinute: 1 } as unknown as Scope
}

function deployment(id: string): Deployment {
  return { facts: { modelId: id }, weight: 1, scopes: [scope('deployment', id)] } as unknown as Deployment
}

function requestOf(scopes: readonly Scope[], candidates: readonly Deployment[]): PlaceRequest {
  const admission = { group: { name: 'group' }, candidates: new DeploymentPool(candidates) }
  return { start: { callId: 'call' }, facts: {}, bodyLength: 4, scopes, admission } as unknown as PlaceRequest
}

function fullAt(kind: Scope['kind']): LimitError {
  return new LimitError(kind, 'rate_limited', 'full', {})
}

const KEY = scope('key', 'k')

test('limits that answer at once give a place without a promise', () => {
  const one = deployment('one')
  const asked: AdmissionRequest[] = []
  const gateway = gatewayThat((request) => {
    asked.push(request)
    return HELD
  })
  expect(takePlace(gateway, requestOf([KEY], [one]))).toEqual({
    scopes: [KEY],
    deployment: one,
    reservation: HELD,
  })
  expect(asked.map(({ scopes }) => scopes)).toEqual([[KEY, ...one.scopes]])
})

test.each([
  ['at once', (answer: () => Reservation) => answer()],
  ['later', async (answer: () => Reservation) => answer()],
])('a deployment that is full is passed over, by limits that answer %s', async (_when, answer) => {
  const [one, other] = [deployment('one'), deployment('other')]
  const gateway = gatewayThat(({ scopes }) =>
    answer(() => {
      if (scopes.some(({ id }) => id === 'one')) throw fullAt('deployment')
      return HELD
    }),
  )
  for (let time = 0; time < 20; time += 1) {
    const place = await takePlace(gateway, requestOf([KEY], [one, other]))
    expect(place).toEqual({ scopes: [KEY], deployment: other, reservation: HELD })
  }
})

test.each(['key', 'deployment'] as const)(
  'a call is refused when its limit of the %s is all there is',
  (kind) => {
    const tried: string[] = []
    const gateway = gatewayThat(({ scopes }) => {
      tried.push(scopes.at(-1)?.id ?? '')
      throw fullAt(kind)
    })
    const candidates = [deployment('one'), deployment('other')]
    expect(() => takePlace(gateway, requestOf([KEY], candidates))).toThrow(LimitError)
    expect(tried.toSorted()).toHaveLength(kind === 'key' ? 1 : 2)
    expect(new Set(tried).size).toBe(tried.length)
  },
)
