/** What models there are: `/v1/models` in the caller's dialect, `/model/info` and `/model_group/info`. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CallIdentity } from '../calls/gateway.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { visibleModels } from '../identity/models-for.ts'
import type { Principal } from '../identity/principal.ts'
import type { Deployment, ModelGroup } from '../routing/deployment.ts'
import type { DeploymentTable } from '../routing/deployment-table.ts'
import { authorized } from './management-routes.ts'

export interface Quota {
  readonly rpm?: number | undefined
  readonly tpm?: number | undefined
}

export interface ModelSource {
  readonly table: DeploymentTable
  /** Prices, limits and capabilities under LiteLLM's field names, and further keys of the entry's `model_info`. */
  factsOf(deployment: Deployment): Readonly<Record<string, unknown>>
  /** Requests and tokens a minute, as far as its entry says. */
  quotaOf(deployment: Deployment): Quota
}

/** LiteLLM's constant, for which clients may have golden files. */
const CREATED_EPOCH_SECONDS = 1_677_610_602

export function registerModelRoutes(app: FastifyInstance, models: ModelSource, identity: CallIdentity): void {
  for (const path of ['/v1/models', '/models', '/anthropic/v1/models']) {
    app.get(path, async (request) => {
      const names = visibleNames(models, await authorized(request, identity), request)
      return isAnthropic(request) ? anthropicList(names, models) : openaiList(names)
    })
    app.get(`${path}/:id`, async (request) => {
      const names = visibleNames(models, await authorized(request, identity), request)
      const { id } = request.params as { id: string }
      if (!names.includes(id)) throw new GatewayError('not_found', `The model '${id}' does not exist.`)
      return isAnthropic(request) ? anthropicModel(id, models) : openaiModel(id)
    })
  }
  for (const path of ['/model/info', '/v1/model/info']) {
    app.get(path, async (request) => modelInfo(models, await authorized(request, identity), request))
  }
  app.get('/model_group/info', async (request) => {
    const groups = visibleGroups(models, await authorized(request, identity))
    const wanted = queryValue(request, 'model_group')
    return {
      data: groups.filter((group) => wanted === undefined || group.name === wanted).map(groupInfo(models)),
    }
  })
}

function queryValue(request: FastifyRequest, name: string): string | undefined {
  const query = request.query as Readonly<Record<string, unknown>>
  const value = query[name]
  return typeof value === 'string' ? value : undefined
}

function visibleNames(models: ModelSource, principal: Principal, request: FastifyRequest): readonly string[] {
  const withWildcards = queryValue(request, 'return_wildcard_routes')?.toLowerCase() === 'true'
  const names = visibleModels(principal, models.table.offered())
  return withWildcards ? names : names.filter((name) => !name.includes('*'))
}

function isAnthropic(request: FastifyRequest): boolean {
  return request.headers['anthropic-version'] !== undefined
}

function openaiModel(id: string): Record<string, unknown> {
  return { id, object: 'model', created: CREATED_EPOCH_SECONDS, owned_by: 'openai' }
}

function openaiList(names: readonly string[]): Record<string, unknown> {
  return { object: 'list', data: names.map(openaiModel) }
}

function anthropicModel(id: string, models: ModelSource): Record<string, unknown> {
  const deployment = models.table.find(id)?.deployments[0]
  const facts = deployment === undefined ? {} : models.factsOf(deployment)
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: new Date(CREATED_EPOCH_SECONDS * 1000).toISOString(),
    max_input_tokens: facts['max_input_tokens'] ?? null,
    max_tokens: facts['max_output_tokens'] ?? null,
  }
}

function anthropicList(names: readonly string[], models: ModelSource): Record<string, unknown> {
  return {
    data: names.map((name) => anthropicModel(name, models)),
    has_more: false,
    first_id: names[0] ?? null,
    last_id: names.at(-1) ?? null,
  }
}

function visibleGroups(models: ModelSource, principal: Principal): readonly ModelGroup[] {
  const names = new Set(visibleModels(principal, models.table.offered()))
  return models.table.groups().filter((group) => names.has(group.name))
}

function modelInfo(
  models: ModelSource,
  principal: Principal,
  request: FastifyRequest,
): Record<string, unknown> {
  const wanted = queryValue(request, 'litellm_model_id')
  const deployments = visibleGroups(models, principal).flatMap((group) => group.deployments)
  const found =
    wanted === undefined ? deployments : deployments.filter(({ facts }) => facts.modelId === wanted)
  if (wanted !== undefined && found.length === 0) {
    throw new GatewayError('not_found', `Model id = ${wanted} not found on this gateway`)
  }
  return { data: found.map((deployment) => deploymentInfo(deployment, models)) }
}

/** Built from named fields only, so that no credential of a deployment can come out here. */
function deploymentInfo(deployment: Deployment, models: ModelSource): Record<string, unknown> {
  const { facts } = deployment
  return {
    model_name: facts.modelGroup,
    litellm_params: {
      model: facts.litellmModel,
      api_base: facts.apiBase,
      custom_llm_provider: facts.provider,
      ...models.quotaOf(deployment),
    },
    model_info: {
      ...models.factsOf(deployment),
      id: facts.modelId,
      db_model: false,
      key: facts.upstreamModel,
      litellm_provider: facts.provider,
      access_groups: deployment.accessGroups,
    },
  }
}

function groupInfo(models: ModelSource): (group: ModelGroup) => Record<string, unknown> {
  return (group) => {
    const first = group.deployments[0]
    return {
      model_group: group.name,
      providers: [...new Set(group.deployments.map((deployment) => deployment.facts.provider))],
      ...(first === undefined ? {} : models.factsOf(first)),
      rpm: sumOf(group.deployments.map((deployment) => models.quotaOf(deployment).rpm)),
      tpm: sumOf(group.deployments.map((deployment) => models.quotaOf(deployment).tpm)),
    }
  }
}

/** Null where no deployment says, as LiteLLM has it. */
function sumOf(quotas: readonly (number | undefined)[]): number | null {
  const told = quotas.filter((quota) => quota !== undefined)
  return told.length === 0 ? null : told.reduce((sum, quota) => sum + quota, 0)
}
