/** A call's place in the limits of all that it counts for: taken before its first attempt, given back at its end. */
import { estimateTokens } from '../dialects/index.ts'
import type { RequestFacts } from '../dialects/dialect.ts'
import { LimitError, type Reservation } from '../limits/limits.ts'
import type { CallStart } from '../record/call-record.ts'
import { nowMs } from '../record/clock.ts'
import { isLimited, type Scope } from '../record/scope.ts'
import type { Deployment } from '../routing/deployment.ts'
import type { DeploymentPool } from '../routing/deployment-pool.ts'
import type { Admission } from './admit.ts'
import type { Gateway } from './gateway.ts'

/** What a call is limited by, and the deployment that it begins with. */
export interface Place {
  /** All that the call's cost is counted for. */
  readonly scopes: readonly Scope[]
  readonly deployment: Deployment
  /** Undefined when nothing limits the call. */
  readonly reservation: Reservation | undefined
}

/** What is asked of the limits, whichever deployment takes the call. */
export interface PlaceRequest {
  readonly start: CallStart
  readonly facts: RequestFacts
  readonly bodyLength: number
  /** Costs nothing, and counts for no limit. */
  readonly unbilled: boolean
  readonly scopes: readonly Scope[]
  readonly admission: Admission
}

/**
 * Takes a place, without a promise when nothing limits the call, or limits are counted in this process. A deployment
 * that is at its limit is passed over.
 *
 * @throws LimitError (thrown, or as rejection) when the caller is at a limit, or every deployment is.
 */
export function takePlace(gateway: Gateway, request: PlaceRequest): Place | Promise<Place> {
  const { group, candidates } = request.admission
  const deployment = candidates.pick([], Math.random())
  if (deployment === undefined) throw new Error(`model group ${group.name} has no deployment`)
  if (request.unbilled) return { scopes: request.scopes, deployment, reservation: undefined }
  return takePlaceAt(gateway, request, deployment, candidates)
}

/** @param candidates those that are left, with the deployment that is tried. */
function takePlaceAt(
  gateway: Gateway,
  request: PlaceRequest,
  deployment: Deployment,
  candidates: DeploymentPool,
): Place | Promise<Place> {
  const { scopes } = request
  const limited = limitedScopes(scopes, deployment.scopes)
  if (limited.length === 0) return { scopes, deployment, reservation: undefined }
  try {
    const reservation = reserve(gateway, request, deployment, limited)
    if (!(reservation instanceof Promise)) return { scopes, deployment, reservation }
    return reservation.then(
      (held) => ({ scopes, deployment, reservation: held }),
      (error: unknown) => takeAnother(gateway, request, deployment, candidates, error),
    )
  } catch (error) {
    return takeAnother(gateway, request, deployment, candidates, error)
  }
}

/** @throws `error` when it is not of the deployment, or none is left. */
function takeAnother(
  gateway: Gateway,
  request: PlaceRequest,
  deployment: Deployment,
  candidates: DeploymentPool,
  error: unknown,
): Place | Promise<Place> {
  const left = candidates.without(deployment)
  const next = isOfDeployment(error) ? left.pick([], Math.random()) : undefined
  if (next === undefined) throw error
  return takePlaceAt(gateway, request, next, left)
}

/** Those of a call, and of a deployment, that limit something. */
function limitedScopes(ofCall: readonly Scope[], ofDeployment: readonly Scope[]): readonly Scope[] {
  const limited: Scope[] = []
  for (const scope of ofCall) if (isLimited(scope)) limited.push(scope)
  for (const scope of ofDeployment) if (isLimited(scope)) limited.push(scope)
  return limited
}

/**
 * Takes a place for a call that a kept answer awaits. No deployment will be called, so that none of their limits is
 * asked: a hit neither uses them up nor waits for them.
 *
 * @param modelId deployment that gave the answer.
 * @throws LimitError (as rejection) when the caller is at a limit.
 */
export async function takePlaceOfHit(
  gateway: Gateway,
  request: PlaceRequest,
  modelId: string,
): Promise<Place> {
  const { scopes, admission } = request
  const { candidates } = admission
  const deployment = candidates.find(modelId) ?? candidates.deployments[0]
  if (deployment === undefined) throw new Error(`model group ${admission.group.name} has no deployment`)
  const limited = limitedScopes(scopes, deployment.scopes.filter(isOfProxy))
  const reservation = limited.length === 0 ? undefined : await reserve(gateway, request, deployment, limited)
  return { scopes, deployment, reservation }
}

function isOfProxy(scope: Scope): boolean {
  return scope.kind === 'proxy'
}

/**
 * Reserves what limits a deployment, for a call that has its place already.
 * @returns undefined when nothing limits it. @throws LimitError when it is at its limit.
 */
export async function reserveDeployment(
  gateway: Gateway,
  request: PlaceRequest,
  deployment: Deployment,
): Promise<Reservation | undefined> {
  const limited = request.unbilled ? [] : deployment.scopes.filter(isLimited)
  return limited.length === 0 ? undefined : await reserve(gateway, request, deployment, limited)
}

function reserve(
  gateway: Gateway,
  request: PlaceRequest,
  deployment: Deployment,
  scopes: readonly Scope[],
): Reservation | Promise<Reservation> {
  return gateway.limits.admit({
    callId: request.start.callId,
    atMs: nowMs(),
    scopes,
    modelGroup: request.admission.group.name,
    price: deployment.price,
    inputTokens: estimateTokens(request.bodyLength),
    maxOutputTokens: request.facts.maxOutputTokens,
  })
}

/** Whether another deployment may still take the call. */
export function isOfDeployment(error: unknown): boolean {
  return error instanceof LimitError && (error.scopeKind === 'deployment' || error.scopeKind === 'provider')
}
