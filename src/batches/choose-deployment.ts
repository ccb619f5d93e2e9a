/** Which deployment keeps a file: by the model that the client names, else by the provider. */
import { admit } from '../calls/admit.ts'
import type { Gateway } from '../calls/gateway.ts'
import { DIALECTS } from '../dialects/index.ts'
import type { RequestFacts } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Principal } from '../identity/principal.ts'
import type { DeploymentFacts } from '../record/call-record.ts'
import type { Deployment } from '../routing/deployment.ts'

const DEFAULT_PROVIDER = 'openai'

/** Facts of a request that is known by its model alone. */
export function factsOfModel(model: string): RequestFacts {
  return {
    model,
    stream: false,
    maxOutputTokens: undefined,
    asksStreamUsage: false,
    endUser: undefined,
    tags: [],
    sessionId: undefined,
    spendLogsMetadata: undefined,
  }
}

/** @throws GatewayError when the model is unknown, not the caller's, or of a provider that knows no files. */
export function deploymentOfModel(gateway: Gateway, principal: Principal, model: string): Deployment {
  const { candidates, group } = admit(gateway, principal, factsOfModel(model), DIALECTS['openai-chat'])
  const deployment = candidates.pick([], Math.random())
  if (deployment === undefined) throw new Error(`model group ${group.name} has no deployment`)
  return deployment
}

/**
 * The first deployment of a provider that the caller may use; where no provider is named, one of OpenAI before others.
 * @throws GatewayError `bad_request` when there is none.
 */
export function deploymentOfProvider(
  gateway: Gateway,
  principal: Principal,
  provider: string | undefined,
): Deployment {
  const usable = gateway.routes
    .groups()
    .flatMap((group) => group.deployments)
    .filter((deployment) => deployment.family === 'openai' && mayUse(gateway, principal, deployment))
  const named = usable.find(({ facts }) => facts.provider === (provider ?? DEFAULT_PROVIDER))
  const found = named ?? (provider === undefined ? usable[0] : undefined)
  if (found !== undefined) return found
  throw new GatewayError(
    'bad_request',
    provider === undefined
      ? 'No model that you may use has a provider that keeps files: name one with the query parameter model.'
      : `No model that you may use is of the provider ${provider.slice(0, 100)}: name a model with the query parameter model.`,
    { param: 'provider' },
  )
}

function mayUse(gateway: Gateway, principal: Principal, { facts, accessGroups }: Deployment): boolean {
  try {
    gateway.identity.authorizeModel(principal, facts.modelGroup, facts.modelGroup, accessGroups)
    return true
  } catch {
    return false
  }
}

/** The deployment that a row was written with, as it is configured now; undefined when it is configured no more. */
export function deploymentOfRow(
  { routes }: Pick<Gateway, 'routes'>,
  { modelGroup, modelId, provider, apiBase }: DeploymentFacts,
): Deployment | undefined {
  const group = routes.find(modelGroup)?.deployments ?? []
  const same = group.find(({ facts }) => facts.modelId === modelId)
  if (same !== undefined) return same
  const moved = routes.find(modelId)?.deployments.find(({ facts }) => facts.modelId === modelId)
  // An entry that was changed has another id, and mostly the same account.
  return moved ?? group.find(({ facts }) => facts.provider === provider && facts.apiBase === apiBase)
}

/** @throws GatewayError `not_found` when it is configured no more. */
export function requireDeployment(gateway: Pick<Gateway, 'routes'>, facts: DeploymentFacts): Deployment {
  const deployment = deploymentOfRow(gateway, facts)
  if (deployment !== undefined) return deployment
  throw new GatewayError(
    'not_found',
    `The deployment of model ${facts.modelGroup} that keeps this is configured no more; ask the administrator of this gateway.`,
  )
}
