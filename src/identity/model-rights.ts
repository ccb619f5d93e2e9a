/** Whether a caller may use a model: each list of the key, its team or user and its organization must allow it. */
import { GatewayError, type ErrorCode } from '../errors/gateway-error.ts'
import type { ModelList, Principal } from './principal.ts'

const DENIED = {
  key: 'key_model_access_denied',
  team: 'team_model_access_denied',
  user: 'user_model_access_denied',
  organization: 'org_model_access_denied',
} as const satisfies Record<ModelList['kind'], ErrorCode>

/** Words in a list that are not names of models. */
const EVERY_MODEL = ['*', 'all-proxy-models']
/** In a key's list: what the team may call. The team's own list is asked anyway. */
export const TEAM_MODELS = 'all-team-models'
/** In any list: nothing. A list that holds nothing else allows no model, where an empty list would allow all. */
export const NO_MODELS = 'no-default-models'

/** @throws GatewayError `…_model_access_denied` of the first list that does not allow the model. */
export function authorizeModel(
  principal: Principal,
  requestedModel: string,
  resolvedGroup: string,
  accessGroups: readonly string[],
): void {
  if (principal.modelLists.length === 0) return
  const asked = askedName(principal, requestedModel)
  for (const list of principal.modelLists) {
    if (allows(list, principal, asked, resolvedGroup, accessGroups)) continue
    throw new GatewayError(
      DENIED[list.kind],
      `${list.kind} not allowed to access model. This ${list.kind} can only access models=[${list.models.join(', ')}]. ` +
        `Tried to access ${requestedModel.slice(0, 200)}.`,
      { param: 'model' },
    )
  }
}

/** As `authorizeModel`, as an answer. */
export function mayUseModel(
  principal: Principal,
  requestedModel: string,
  resolvedGroup: string,
  accessGroups: readonly string[],
): boolean {
  const asked = askedName(principal, requestedModel)
  return principal.modelLists.every((list) => allows(list, principal, asked, resolvedGroup, accessGroups))
}

function askedName(principal: Principal, requestedModel: string): string {
  if (principal.ownAliases?.has(requestedModel) !== true) return requestedModel
  return principal.modelAliases.get(requestedModel) ?? requestedModel
}

function allows(
  list: ModelList,
  principal: Principal,
  asked: string,
  group: string,
  accessGroups: readonly string[],
): boolean {
  if (list.models.length === 0) return true
  for (const rule of list.models) {
    if (rule === asked || rule === group || EVERY_MODEL.includes(rule) || accessGroups.includes(rule))
      return true
    if (rule === TEAM_MODELS && list.kind === 'key' && principal.facts.teamId !== undefined) return true
    if (rule.endsWith('*') && coversModel(rule, asked)) return true
  }
  return false
}

function coversModel(rule: string, model: string): boolean {
  return model.startsWith(rule.slice(0, -1))
}

/**
 * Whether each model that `narrower` allows is allowed by `wider` too, in every configuration. Lists as stored, where
 * an empty one allows all. An access group is within a list only by its name, for its members may change.
 */
export function areModelsWithin(narrower: readonly string[], wider: readonly string[]): boolean {
  if (wider.length === 0 || wider.some((rule) => EVERY_MODEL.includes(rule))) return true
  return narrower.length > 0 && narrower.every((rule) => isModelRuleWithin(rule, wider))
}

function isModelRuleWithin(rule: string, wider: readonly string[]): boolean {
  if (rule === NO_MODELS || wider.includes(rule)) return true
  if (EVERY_MODEL.includes(rule) || rule === TEAM_MODELS) return false
  return wider.some((other) => other.endsWith('*') && rule.startsWith(other.slice(0, -1)))
}
