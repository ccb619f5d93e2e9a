/**
 * Deployments of which an attempt takes one: a weighted random pick among those not tried yet (`simple-shuffle`). What a
 * call would have to look at each of them for is known beforehand, so that two thousand cost a call what two do.
 */
import type { DialectName } from '../dialects/dialect.ts'
import type { AttemptFacts } from '../record/call-record.ts'
import type { Deployment, ModelGroup } from './deployment.ts'

export class DeploymentPool {
  readonly deployments: readonly Deployment[]
  /** Whether all have a known price. */
  readonly isPriced: boolean
  /** Of each the sum of the weights up to it, its own with it. */
  readonly #reaches: Float64Array
  #byModelId: ReadonlyMap<string, Deployment> | undefined

  constructor(deployments: readonly Deployment[]) {
    this.deployments = deployments
    this.isPriced = deployments.every(({ price }) => price !== undefined)
    this.#reaches = new Float64Array(deployments.length)
    let total = 0
    for (const [index, { weight }] of deployments.entries()) {
      total += weight
      this.#reaches[index] = total
    }
  }

  /**
   * @param attempts tries so far; a deployment that failed is taken again only when all others have failed too.
   * @param random a number in [0, 1).
   * @returns undefined when the pool is empty.
   */
  pick(attempts: readonly AttemptFacts[], random: number): Deployment | undefined {
    const { deployments } = this
    if (deployments.length <= 1) return deployments[0]
    const point = random * this.#reachOf(deployments.length - 1)
    const index = this.#indexAt(point)
    const picked = deployments[index]
    if (picked === undefined || !wasTried(picked, attempts)) return picked
    const fresh = deployments.filter((deployment) => !wasTried(deployment, attempts))
    if (fresh.length === 0) return picked
    // Where in the share of the one that failed the point lies is as random as the point was.
    const begin = this.#reachOf(index - 1)
    return new DeploymentPool(fresh).pick([], (point - begin) / (this.#reachOf(index) - begin))
  }

  find(modelId: string): Deployment | undefined {
    this.#byModelId ??= new Map(this.deployments.map((deployment) => [deployment.facts.modelId, deployment]))
    return this.#byModelId.get(modelId)
  }

  without(deployment: Deployment): DeploymentPool {
    return new DeploymentPool(this.deployments.filter((other) => other !== deployment))
  }

  #reachOf(index: number): number {
    return this.#reaches[index] ?? 0
  }

  /** The first whose reach is beyond the point. */
  #indexAt(point: number): number {
    let low = 0
    let high = this.deployments.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (point < this.#reachOf(middle)) high = middle
      else low = middle + 1
    }
    return low
  }
}

const pools = new WeakMap<ModelGroup, Map<DialectName, DeploymentPool>>()

/** The deployments of a group that speak a dialect: the same pool for each call. It may be empty. */
export function poolOf(group: ModelGroup, dialect: DialectName): DeploymentPool {
  let ofGroup = pools.get(group)
  if (ofGroup === undefined) {
    ofGroup = new Map()
    pools.set(group, ofGroup)
  }
  let pool = ofGroup.get(dialect)
  if (pool === undefined) {
    pool = new DeploymentPool(group.deployments.filter(({ paths }) => paths[dialect] !== undefined))
    ofGroup.set(dialect, pool)
  }
  return pool
}

function wasTried(deployment: Deployment, attempts: readonly AttemptFacts[]): boolean {
  return attempts.some((attempt) => attempt.deployment === deployment.facts)
}
