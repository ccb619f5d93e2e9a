/** Which deployment takes an attempt: a weighted random pick among those not tried yet (`simple-shuffle`). */
import type { AttemptFacts } from '../record/call-record.ts'
import type { Deployment } from './deployment.ts'

/**
 * @param attempts tries so far; a deployment that failed is taken again only when all others have failed too.
 * @param random a number in [0, 1).
 */
export function pickDeployment(
  candidates: readonly Deployment[],
  attempts: readonly AttemptFacts[],
  random: number,
): Deployment | undefined {
  if (candidates.length <= 1) return candidates[0]
  const fresh =
    attempts.length === 0
      ? candidates
      : candidates.filter((candidate) => !attempts.some((attempt) => attempt.deployment === candidate.facts))
  return weightedPick(fresh.length > 0 ? fresh : candidates, random)
}

function weightedPick(deployments: readonly Deployment[], random: number): Deployment | undefined {
  let total = 0
  for (const deployment of deployments) total += deployment.weight
  let point = random * total
  for (const deployment of deployments) {
    point -= deployment.weight
    if (point < 0) return deployment
  }
  return deployments.at(-1)
}
