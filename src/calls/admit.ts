/** Whether a call may go on: rights to the model, and a deployment that speaks the dialect. */
import { GatewayError } from '../errors/gateway-error.ts'
import type { Dialect, RequestFacts } from '../dialects/dialect.ts'
import type { Principal } from '../identity/principal.ts'
import type { ModelGroup } from '../routing/deployment.ts'
import { poolOf, type DeploymentPool } from '../routing/deployment-pool.ts'
import type { Gateway } from './gateway.ts'

export interface Admission {
  readonly group: ModelGroup
  /** Deployments that may serve the call. Never empty. */
  readonly candidates: DeploymentPool
}

/** @throws GatewayError when the call is refused: unknown model, no right to it, other dialect. */
export function admit(
  gateway: Gateway,
  principal: Principal,
  facts: RequestFacts,
  dialect: Dialect,
): Admission {
  const requested = resolveAlias(gateway, principal, facts.model)
  const group = gateway.routes.find(requested)
  if (group === undefined) throw unknownModel(facts.model)
  gateway.identity.authorizeModel(
    principal,
    facts.model,
    group.name,
    group.deployments[0]?.accessGroups ?? [],
  )
  const candidates = speakingDeployments(group, dialect)
  if (gateway.settings.refuseUnpriced && !dialect.unbilled) requirePrice(candidates, facts.model)
  return { group, candidates }
}

function resolveAlias(gateway: Gateway, principal: Principal, model: string): string {
  return principal.modelAliases.get(model) ?? gateway.settings.modelAliases.get(model) ?? model
}

function unknownModel(model: string): GatewayError {
  return new GatewayError(
    'model_unknown',
    `Invalid model name passed in model=${model.slice(0, 200)}. Call \`/v1/models\` to view available models for your key.`,
    { param: 'model' },
  )
}

function speakingDeployments(group: ModelGroup, dialect: Dialect): DeploymentPool {
  const speaking = poolOf(group, dialect.name)
  const [first] = group.deployments
  if (first === undefined || speaking.deployments.length > 0) return speaking
  const { family } = first
  throw new GatewayError(
    'dialect_mismatch',
    `Model ${group.name} is served by a provider of the ${family} dialect, and this request is in the ${dialect.name} ` +
      `dialect: call it on ${family === 'openai' ? '/v1/chat/completions or /v1/responses' : '/v1/messages'}.`,
    { param: 'model' },
  )
}

function requirePrice(candidates: DeploymentPool, model: string): void {
  if (candidates.isPriced) return
  throw new GatewayError(
    'bad_request',
    `Model ${model.slice(0, 200)} has no known price and general_settings.refuse_unpriced_models is on: set ` +
      'input_cost_per_token and output_cost_per_token in its model_info.',
    { param: 'model' },
  )
}
